{{/*
Host directories are mounted at the same paths, so that paths in the agent's messages are valid on the node too. All except
the agent's own directories and kubelet's device-plugins are read-only. Mounts that contain other mounts use HostToContainer propagation: otherwise the agent
would keep file systems in use that the node unmounts.
*/}}
{{- define "agent.ownMounts" -}}
{{- $sources := .Values.sources -}}
{{- $readOnly := include "agent.readOnly" . -}}
- name: config
  mountPath: /etc/numa-locality-agent
  readOnly: true
- name: run
  mountPath: {{ include "agent.runDir" . }}
{{- if .Values.self.enabled }}
- name: self
  mountPath: {{ include "agent.selfDir" . }}
{{- end }}
{{- if .Values.self.devicePlugin }}
- name: device-plugins
  mountPath: {{ $sources.kubeletDir }}/device-plugins
{{- end }}
- name: cgroup
  mountPath: /sys/fs/cgroup
  {{- $readOnly | nindent 2 }}
{{- if and $sources.kubeletDir $sources.kubeletState }}
- name: kubelet
  mountPath: {{ $sources.kubeletDir }}
  mountPropagation: HostToContainer
  readOnly: true
{{- else if $sources.kubeletDir }}
- name: pod-resources
  mountPath: {{ $sources.kubeletDir }}/pod-resources
  {{- $readOnly | nindent 2 }}
{{- end }}
{{- if $sources.podLogsDir }}
- name: pod-logs
  mountPath: {{ $sources.podLogsDir }}/pods
  {{- $readOnly | nindent 2 }}
- name: container-logs
  mountPath: {{ $sources.podLogsDir }}/containers
  {{- $readOnly | nindent 2 }}
{{- end }}
{{- if $sources.criSocket }}
- name: cri
  mountPath: {{ include "agent.criMount" . }}
  {{- if ne (include "agent.criMount" .) $sources.criSocket }}
  mountPropagation: HostToContainer
  {{- end }}
  readOnly: true
{{- end }}
{{- if .Values.networkApi.enabled }}
- name: front
  mountPath: {{ include "agent.frontDir" . }}
{{- end }}
{{- end -}}

{{/* What the front sees: the agent's socket, its certificates, and a directory for nginx. Nothing of the node. */}}
{{- define "agent.frontMounts" -}}
- name: front
  mountPath: {{ include "agent.frontDir" . }}
  readOnly: true
- name: front-work
  mountPath: {{ include "agent.frontDir" . }}-work
- name: tls
  mountPath: {{ include "agent.tlsDir" . }}
  readOnly: true
{{- if .Values.networkApi.clientCaSecretName }}
- name: client-ca
  mountPath: {{ include "agent.clientCaDir" . }}
  readOnly: true
{{- end }}
{{- end -}}

{{/* Read-only, including the mounts below, such as the controllers of cgroup v1. recursiveReadOnly has an effect where the node
     supports it; Kubernetes does not allow it together with mountPropagation. */}}
{{- define "agent.readOnly" -}}
readOnly: true
{{- if semverCompare ">=1.31.0-0" .Capabilities.KubeVersion.Version }}
recursiveReadOnly: IfPossible
{{- end }}
{{- end -}}

{{- define "agent.ownVolumes" -}}
{{- $sources := .Values.sources -}}
- name: config
  configMap:
    name: {{ include "agent.fullname" . }}
{{- if include "agent.installsSeccomp" . }}
- name: seccomp-profile
  configMap:
    name: {{ include "agent.fullname" . }}-seccomp
- name: seccomp
  hostPath:
    path: {{ include "agent.seccompDir" . }}
    type: DirectoryOrCreate
{{- end }}
- name: run
  hostPath:
    path: {{ include "agent.runDir" . }}
    type: DirectoryOrCreate
{{- if .Values.self.enabled }}
- name: self
  hostPath:
    path: {{ include "agent.selfDir" . }}
    type: DirectoryOrCreate
{{- end }}
{{- if .Values.self.devicePlugin }}
- name: device-plugins
  hostPath:
    path: {{ $sources.kubeletDir }}/device-plugins
    type: Directory
{{- end }}
- name: cgroup
  hostPath:
    path: /sys/fs/cgroup
    type: Directory
{{- if and $sources.kubeletDir $sources.kubeletState }}
- name: kubelet
  hostPath:
    path: {{ $sources.kubeletDir }}
    type: Directory
{{- else if $sources.kubeletDir }}
- name: pod-resources
  hostPath:
    path: {{ $sources.kubeletDir }}/pod-resources
    type: Directory
{{- end }}
{{- if $sources.podLogsDir }}
- name: pod-logs
  hostPath:
    path: {{ $sources.podLogsDir }}/pods
    type: Directory
- name: container-logs
  hostPath:
    path: {{ $sources.podLogsDir }}/containers
    type: Directory
{{- end }}
{{- if $sources.criSocket }}
- name: cri
  hostPath:
    path: {{ include "agent.criMount" . }}
    type: {{ eq (include "agent.criMount" .) $sources.criSocket | ternary "Socket" "Directory" }}
{{- end }}
{{- if .Values.networkApi.enabled }}
- name: front
  emptyDir: {}
- name: front-work
  emptyDir:
    sizeLimit: 16Mi
- name: tls
  secret:
    secretName: {{ .Values.networkApi.secretName }}
    defaultMode: 0400
{{- if .Values.networkApi.clientCaSecretName }}
- name: client-ca
  secret:
    secretName: {{ .Values.networkApi.clientCaSecretName }}
    defaultMode: 0400
{{- end }}
{{- end }}
{{- end -}}
