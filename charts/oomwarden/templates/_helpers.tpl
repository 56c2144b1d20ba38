{{- define "oomwarden.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimAll "-." -}}
{{- end -}}

{{- /* The usual prefix; short enough for every suffix below (63 characters in all). */ -}}
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

{{- /* For pods that touch nothing but the API server. */ -}}
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

{{- /* Values files carry large numbers as floats: an integer, or the word. */ -}}
{{- define "oomwarden.floor" -}}
{{- $floor := .Values.namespacedFloor -}}
{{- if kindIs "string" $floor }}{{ $floor }}{{ else }}{{ int $floor }}{{ end -}}
{{- end -}}

{{- /* Objects that exist while `helm uninstall` runs, and no longer. The Job comes after the others. */ -}}
{{- define "oomwarden.uninstallHook" -}}
labels:
  {{- include "oomwarden.labels" . | nindent 2 }}
  app.kubernetes.io/component: release
annotations:
  helm.sh/hook: pre-delete
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-succeeded,hook-failed
{{- end -}}

{{- /* The chart's programs run on Linux alone; takes the values of one of them. */ -}}
{{- define "oomwarden.nodeSelector" -}}
{{- toYaml (merge (dict "kubernetes.io/os" "linux") (.nodeSelector | default dict)) -}}
{{- end -}}
