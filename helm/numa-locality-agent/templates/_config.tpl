{{/* The configuration file of the agent. */}}
{{- define "agent.config" -}}
{{- $v := .Values -}}
{{- $plain := list "action" "minLocalFraction" "minRemoteBytes" "settle" "cooldown" "shared" "pageCache" "byAnnotation" "stick" -}}
policies:
{{- range $policy := $v.policies }}
- name: {{ $policy.name | quote }}
  {{- /* As JSON, which quotes strings: a label may be any text, such as "nan". */}}
  {{- with $policy.selector }}
  selector: {{ toJson . }}
  {{- end }}
  {{- range $key := $plain }}
  {{- if hasKey $policy $key }}
  {{ $key }}: {{ toYaml (get $policy $key) }}
  {{- end }}
  {{- end }}
  {{- with $policy.limits }}
  limits: {{ toJson . }}
  {{- end }}
{{- else }} []
{{- end }}
limits:
  bandwidth: {{ toYaml $v.limits.bandwidth }}
  concurrentMigrations: {{ toYaml $v.limits.concurrentMigrations }}
  nodeReserve: {{ toJson $v.limits.nodeReserve }}
  reclaimCache: {{ toYaml $v.limits.reclaimCache }}
period: {{ $v.period }}
localDistance: {{ toYaml $v.localDistance }}
protectedNamespaces: {{ toJson $v.protectedNamespaces }}
{{- if $v.networkApi.enabled }}
api:
  clients: {{ toJson $v.networkApi.clients }}
{{- end }}
{{ include "agent.configAtStart" . }}
{{- end -}}

{{/* The part of the configuration that the agent reads only when it starts. */}}
{{- define "agent.configAtStart" -}}
{{- $v := .Values -}}
http:
  address: {{ printf "%s:%v" $v.http.address $v.http.port | quote }}
  containerSeries: {{ $v.http.containerSeries }}
  maxContainers: {{ toYaml $v.http.maxContainers }}
sources:
  criSocket: {{ $v.sources.criSocket | quote }}
  {{- if $v.sources.criEvents }}
  criEvents: true
  {{- end }}
  kubeletDir: {{ $v.sources.kubeletDir | quote }}
  podLogsDir: {{ $v.sources.podLogsDir | quote }}
{{- if $v.self.enabled }}
self:
  enabled: true
  socket: {{ include "agent.selfDir" . }}/self.sock
  devicePlugin: {{ $v.self.devicePlugin }}
  devices: {{ toYaml $v.self.devices }}
{{- end }}
{{- end -}}

{{/* A checksum of the values that need a restart: it changes if running agents cannot load a change. */}}
{{- define "agent.restartChecksum" -}}
{{- $other := list .Values.localDistance -}}
{{- $profile := "" -}}
{{- if include "agent.installsSeccomp" . -}}{{- $profile = .Files.Get "files/seccomp.json" -}}{{- end -}}
{{- cat (include "agent.configAtStart" .) (toJson $other) $profile | sha256sum -}}
{{- end -}}
