{{/* Combinations of values that each are right alone. What is wrong by itself is values.schema.json's. */}}
{{- define "agent.checks" -}}
{{- include "agent.checkPolicies" . -}}
{{- include "agent.checkPaths" . -}}
{{- include "agent.checkNetworkApi" . -}}
{{- include "agent.checkPods" . -}}
{{- end -}}

{{- define "agent.checkPolicies" -}}
{{- $v := .Values -}}
{{- $named := or $v.sources.criSocket $v.sources.podLogsDir -}}
{{- $seen := dict -}}
{{- range $i, $policy := $v.policies -}}
{{- $what := printf "policies[%d] ('%s')" $i $policy.name -}}
{{- $selector := default dict $policy.selector -}}
{{- if hasKey $seen $policy.name -}}
{{- fail (printf "%s: an earlier policy has the same name; give each its own" $what) -}}
{{- end -}}
{{- $_ := set $seen $policy.name true -}}
{{- if and $selector.cgroupPaths (gt (len $selector) 1) -}}
{{- fail (printf "%s: selector.cgroupPaths selects cgroups outside Kubernetes, and cannot stand together with namespaces, matchLabels or qosClasses; make it a policy of its own" $what) -}}
{{- end -}}
{{- if and $selector.matchLabels (not $v.sources.criSocket) -}}
{{- fail (printf "%s: selector.matchLabels needs pods' labels, which only the container runtime knows, so it would repair nothing; set sources.criSocket, or select by namespaces" $what) -}}
{{- end -}}
{{- if and $selector.namespaces (not $named) -}}
{{- fail (printf "%s: selector.namespaces needs pods' names, and no source of them is on, so it would repair nothing; set sources.podLogsDir or sources.criSocket" $what) -}}
{{- end -}}
{{- if and (eq (default "observe" $policy.action) "repair") (not $selector.cgroupPaths) $v.protectedNamespaces (not $named) -}}
{{- fail (printf "%s: whether a pod is in protectedNamespaces is not known without its name, so it would repair nothing; set sources.podLogsDir or sources.criSocket, or empty protectedNamespaces" $what) -}}
{{- end -}}
{{- if and (eq (default "none" $policy.stick) "cpuset-mems") (not $v.sources.criSocket) -}}
{{- fail (printf "%s: stick: cpuset-mems is done by the container runtime; set sources.criSocket, or write stick: none" $what) -}}
{{- end -}}
{{- if and (eq (default "none" $policy.stick) "cpuset-mems") $selector.cgroupPaths -}}
{{- fail (printf "%s: stick: cpuset-mems is for containers of pods, and selector.cgroupPaths selects others; write stick: none" $what) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "agent.checkPaths" -}}
{{- $paths := dict "sources.criSocket" .Values.sources.criSocket "sources.kubeletDir" .Values.sources.kubeletDir "sources.podLogsDir" .Values.sources.podLogsDir "seccomp.dir" .Values.seccomp.dir -}}
{{- range $key, $path := $paths -}}
{{- if and $path (or (not (isAbs $path)) (ne $path (clean $path)) (eq $path "/")) -}}
{{- fail (printf "%s: '%s' must be a path on the node that begins with '/', without '..' and '/' at the end; for a socket write no unix: before it" $key $path) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.sources.criEvents (not .Values.sources.criSocket) -}}
{{- fail "sources.criEvents: are told over sources.criSocket, which is empty; set that, or switch this off" -}}
{{- end -}}
{{- if and .Values.sources.kubeletState (not .Values.sources.kubeletDir) -}}
{{- fail "sources.kubeletState: reads files in sources.kubeletDir, which is empty; set that, or switch this off" -}}
{{- end -}}
{{- if and (include "agent.installsSeccomp" .) (not .Values.sources.kubeletDir) (not .Values.seccomp.dir) -}}
{{- fail "seccomp.install: where kubelet looks for profiles is not known, as sources.kubeletDir is empty; set seccomp.dir to kubelet's seccomp directory (--root-dir, then /seccomp)" -}}
{{- end -}}
{{- end -}}

{{- define "agent.checkNetworkApi" -}}
{{- if .Values.networkApi.enabled -}}
{{- if not .Values.networkApi.secretName -}}
{{- fail "networkApi.enabled: the API is served over mutual TLS only; set networkApi.secretName to a Secret with tls.crt, tls.key and ca.crt" -}}
{{- end -}}
{{- if eq (int .Values.networkApi.port) (int .Values.http.port) -}}
{{- fail (printf "networkApi.port: %d is http.port, too; choose another for one of them" (int .Values.http.port)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "agent.checkPods" -}}
{{- $requests := default dict .Values.resources.requests -}}
{{- $limits := default dict .Values.resources.limits -}}
{{- if and $limits.cpu $limits.memory (eq (toString (default $limits.cpu $requests.cpu)) (toString $limits.cpu)) (eq (toString (default $limits.memory $requests.memory)) (toString $limits.memory)) -}}
{{- fail "resources: requests equal to limits make the pod Guaranteed, and kubelet may then confine the agent to some NUMA nodes, where it can move no memory to the others; leave limits.cpu out" -}}
{{- end -}}
{{- range .Values.extraArgs -}}
{{- if regexMatch "^--(config|socket|cri-socket|log-format)(=|$)" . -}}
{{- fail (printf "extraArgs: '%s' is set by the chart; use its value (policies, sources.criSocket, logFormat), the socket's place is fixed" .) -}}
{{- end -}}
{{- end -}}
{{- range $i, $env := .Values.extraEnv -}}
{{- if eq (toString $env.name) "NODE_NAME" -}}
{{- fail (printf "extraEnv[%d]: 'NODE_NAME' is set by the chart to the node's name; choose another name" $i) -}}
{{- end -}}
{{- end -}}
{{- $volumes := dict -}}
{{- range $i, $volume := concat (fromYamlArray (include "agent.ownVolumes" .)) .Values.extraVolumes -}}
{{- if hasKey $volumes (toString $volume.name) -}}
{{- fail (printf "extraVolumes: there is a volume '%s' already; choose another name" $volume.name) -}}
{{- end -}}
{{- $_ := set $volumes (toString $volume.name) $i -}}
{{- end -}}
{{- $mounts := dict -}}
{{- range concat (fromYamlArray (include "agent.ownMounts" .)) .Values.extraVolumeMounts -}}
{{- if hasKey $mounts (toString .mountPath) -}}
{{- fail (printf "extraVolumeMounts: something is mounted at '%s' already; choose another mountPath" .mountPath) -}}
{{- end -}}
{{- if not (hasKey $volumes (toString .name)) -}}
{{- fail (printf "extraVolumeMounts: '%s' is no volume; add it to extraVolumes" (toString .name)) -}}
{{- end -}}
{{- $_ := set $mounts .mountPath .name -}}
{{- end -}}
{{- $own := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- range $key, $labels := dict "podLabels" .Values.podLabels "commonLabels" .Values.commonLabels -}}
{{- range $label, $_ := $labels -}}
{{- if has $label $own -}}
{{- fail (printf "%s: '%s' is the chart's own, by which its objects are found; choose another label" $key $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) .Values.serviceAccount.annotations -}}
{{- fail "serviceAccount.annotations: the chart makes no ServiceAccount to annotate; set serviceAccount.create, or annotate yours" -}}
{{- end -}}
{{- end -}}
