{{- define "agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 52 characters, so that the name with a suffix fits into a label. */}}
{{- define "agent.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "agent.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "agent.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "agent.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end -}}

{{/* Labels of all objects except pods. */}}
{{- define "agent.labels" -}}
{{ include "agent.selectorLabels" . }}
{{ include "agent.otherLabels" . }}
{{- end -}}

{{/* Labels of the agent's pods. The chart's version is not among them, so that a new chart that renders the same pods does not
     restart them. */}}
{{- define "agent.podLabels" -}}
{{ include "agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "agent.otherLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "agent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "agent.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "agent.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Directory of the agent's socket and records, the same on the node and in the container. */}}
{{- define "agent.runDir" -}}/run/numa-locality-agent{{- end -}}
{{/* Directory of the self socket, the same on the node and in pods. Nothing else is in it. */}}
{{- define "agent.selfDir" -}}/run/numa-locality-self{{- end -}}
{{/* Directory of the socket that the agent and its front share. */}}
{{- define "agent.frontDir" -}}/run/numa-locality-front{{- end -}}
{{- define "agent.tlsDir" -}}/run/secrets/numa-locality-agent{{- end -}}
{{- define "agent.clientCaDir" -}}
{{- include "agent.tlsDir" . -}}{{- if .Values.networkApi.clientCaSecretName -}}-clients{{- end -}}
{{- end -}}

{{- define "agent.seccompDir" -}}
{{- default (printf "%s/seccomp" .Values.sources.kubeletDir) .Values.seccomp.dir -}}
{{- end -}}

{{/* "true" if an init container writes the seccomp profile. */}}
{{- define "agent.installsSeccomp" -}}
{{- if and (eq .Values.seccomp.type "Localhost") .Values.seccomp.install -}}true{{- end -}}
{{- end -}}

{{/* The path to mount for the container runtime: the directory of its socket, which remains when the runtime restarts. If that
     directory is /run itself, the socket. */}}
{{- define "agent.criMount" -}}
{{- $dir := dir .Values.sources.criSocket -}}
{{- has $dir (list "/run" "/var/run") | ternary .Values.sources.criSocket $dir -}}
{{- end -}}

{{/* "true" if policies or requests may move pages that several processes map. */}}
{{- define "agent.movesShared" -}}
{{- $moves := .Values.sharedPages -}}
{{- range .Values.policies -}}
{{- if has (default "never" .shared) (list "owned" "all") -}}{{- $moves = true -}}{{- end -}}
{{- end -}}
{{- if $moves -}}true{{- end -}}
{{- end -}}

{{/* Capabilities as a JSON list: to access other processes, to read their page maps, and to move pages that they share. */}}
{{- define "agent.capabilities" -}}
{{- $needed := list "SYS_PTRACE" "DAC_READ_SEARCH" -}}
{{- if include "agent.movesShared" . -}}{{- $needed = append $needed "SYS_NICE" -}}{{- end -}}
{{- concat $needed .Values.extraCapabilities | uniq | toJson -}}
{{- end -}}
