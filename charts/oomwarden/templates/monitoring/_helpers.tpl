{{- /* The labels of an object for a monitoring stack. Arguments: the root, the object's values. */ -}}
{{- define "oomwarden.monitoringLabels" -}}
{{- $root := index . 0 -}}
{{- toYaml (merge (include "oomwarden.labels" $root | fromYaml) ((index . 1).labels | default dict)) -}}
{{- end -}}

{{- /* metadata of an object for a monitoring stack. Arguments: the root, the object's values, its name's suffix. */ -}}
{{- define "oomwarden.monitoringMetadata" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
name: {{ include "oomwarden.fullname" $root }}{{ index . 2 }}
namespace: {{ $values.namespace | default $root.Release.Namespace }}
labels:
  {{- include "oomwarden.monitoringLabels" (list $root $values) | nindent 2 }}
{{- with $values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* What Prometheus selects. Arguments: the root, the component. */ -}}
{{- define "oomwarden.scraped" -}}
{{- $root := index . 0 -}}
namespaceSelector:
  matchNames: [{{ $root.Release.Namespace }}]
selector:
  matchLabels:
    {{- include "oomwarden.selectorLabels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- /*
How Prometheus scrapes. honorLabels keeps namespace, pod and container of the metrics, which name the
killed container; otherwise those of the agent would replace them. The node as instance: the counters
of kills outlive an agent, so its successor on the node has to continue the same series.
Arguments: the values of the monitor, the component.
*/ -}}
{{- define "oomwarden.endpoint" -}}
{{- $values := index . 0 -}}
- port: metrics
  path: /metrics
  honorLabels: true
  {{- with $values.interval }}
  interval: {{ . }}
  {{- end }}
  {{- with $values.scrapeTimeout }}
  scrapeTimeout: {{ . }}
  {{- end }}
  relabelings:
    - {sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: node}
    {{- if eq (index . 1) "agent" }}
    - {sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: instance}
    {{- end }}
    {{- with $values.relabelings }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* Annotations of a pod that plain Prometheus configurations scrape by. Arguments: the root, the port. */ -}}
{{- define "oomwarden.scrapeAnnotations" -}}
{{- if (index . 0).Values.monitoring.scrapeAnnotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ index . 1 | int | quote }}
prometheus.io/path: /metrics
{{- end -}}
{{- end -}}
