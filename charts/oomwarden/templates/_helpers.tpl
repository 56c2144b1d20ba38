{{- define "oomwarden.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimAll "-." -}}
{{- end -}}

{{- /* The prefix of all names; leaves room for every suffix within 63 characters. */ -}}
{{- define "oomwarden.fullname" -}}
{{- $name := include "oomwarden.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimAll "-." -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimAll "-." -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimAll "-." -}}
{{- end -}}
{{- end -}}

{{- define "oomwarden.selectorLabels" -}}
app.kubernetes.io/name: {{ include "oomwarden.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "oomwarden.labels" -}}
{{ include "oomwarden.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: oomwarden
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "oomwarden.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* Whether several replicas of the operator elect the one that works. */ -}}
{{- define "oomwarden.leaderElection" -}}
{{- if gt (int .Values.operator.replicas) 1 }}true{{ end -}}
{{- end -}}

{{- /* For pods that use the API server only. */ -}}
{{- define "oomwarden.unprivilegedPod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "oomwarden.unprivilegedContainer" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- /* An integer or `kubelet`; Helm parses numbers of values files as floats. */ -}}
{{- define "oomwarden.floor" -}}
{{- $floor := .Values.namespacedFloor -}}
{{- if kindIs "string" $floor }}{{ $floor }}{{ else }}{{ int $floor }}{{ end -}}
{{- end -}}

{{- /* Objects that exist only while `helm uninstall` runs. Helm creates the Job after the others. */ -}}
{{- define "oomwarden.uninstallHook" -}}
labels:
  {{- include "oomwarden.labels" . | nindent 2 }}
  app.kubernetes.io/component: release
annotations:
  helm.sh/hook: pre-delete
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-succeeded,hook-failed
{{- end -}}

{{- /* All programs run on Linux only. Argument: the values of one program. */ -}}
{{- define "oomwarden.nodeSelector" -}}
{{- toYaml (merge (dict "kubernetes.io/os" "linux") (.nodeSelector | default dict)) -}}
{{- end -}}
