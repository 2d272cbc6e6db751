{{/* Refuses combinations of values that are valid one by one. values.schema.json checks single values. */}}
{{- define "agent.checks" -}}
{{- include "agent.checkPolicies" . -}}
{{- include "agent.checkPaths" . -}}
{{- include "agent.checkNetworkApi" . -}}
{{- include "agent.checkSelf" . -}}
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
{{- fail (printf "policies[%d].name: '%s' is also the name of an earlier policy; use another name" $i $policy.name) -}}
{{- end -}}
{{- $_ := set $seen $policy.name true -}}
{{- if and $selector.cgroupPaths (gt (len $selector) 1) -}}
{{- fail (printf "%s: selector.cgroupPaths selects cgroups outside Kubernetes, and cannot be combined with namespaces, matchLabels or qosClasses; move it to a separate policy" $what) -}}
{{- end -}}
{{- if and $selector.matchLabels (not $v.sources.criSocket) -}}
{{- fail (printf "%s: selector.matchLabels needs the labels of pods, which only the container runtime knows, so the policy would repair nothing; set sources.criSocket, or select by namespaces" $what) -}}
{{- end -}}
{{- if and $selector.namespaces (not $named) -}}
{{- fail (printf "%s: selector.namespaces needs the names of pods, and no name source is set, so the policy would repair nothing; set sources.podLogsDir or sources.criSocket" $what) -}}
{{- end -}}
{{- if and (eq (default "observe" $policy.action) "repair") (not $selector.cgroupPaths) $v.protectedNamespaces (not $named) -}}
{{- fail (printf "%s: protectedNamespaces needs the names of pods, and no name source is set, so the policy would repair nothing; set sources.podLogsDir or sources.criSocket, or set protectedNamespaces to []" $what) -}}
{{- end -}}
{{- $byAnnotation := default "none" $policy.byAnnotation -}}
{{- if and (ne $byAnnotation "none") $selector.cgroupPaths -}}
{{- fail (printf "%s: byAnnotation cannot be combined with selector.cgroupPaths, which selects no pods; leave it out" $what) -}}
{{- end -}}
{{- if and (ne $byAnnotation "none") (not $v.sources.criSocket) -}}
{{- fail (printf "%s: byAnnotation needs the annotations of pods, which only the container runtime knows; set sources.criSocket, or leave it out" $what) -}}
{{- end -}}
{{- if and (eq $byAnnotation "namespace") (not $selector.namespaces) -}}
{{- fail (printf "%s: byAnnotation: namespace needs selector.namespaces, which list the namespaces; add them, or set byAnnotation: any" $what) -}}
{{- end -}}
{{- if and (eq (default "none" $policy.stick) "cpuset-mems") (not $v.sources.criSocket) -}}
{{- fail (printf "%s: stick: cpuset-mems needs the container runtime; set sources.criSocket, or set stick: none" $what) -}}
{{- end -}}
{{- if and (eq (default "none" $policy.stick) "cpuset-mems") $selector.cgroupPaths -}}
{{- fail (printf "%s: stick: cpuset-mems works for containers of pods only, and selector.cgroupPaths selects other cgroups; set stick: none" $what) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "agent.checkPaths" -}}
{{- $paths := dict "sources.criSocket" .Values.sources.criSocket "sources.kubeletDir" .Values.sources.kubeletDir "sources.podLogsDir" .Values.sources.podLogsDir "seccomp.dir" .Values.seccomp.dir -}}
{{- range $key, $path := $paths -}}
{{- if and $path (or (not (isAbs $path)) (ne $path (clean $path)) (eq $path "/")) -}}
{{- fail (printf "%s: '%s' must be an absolute path on the Kubernetes node, without '..', without '/' at the end, and without 'unix:' at the beginning" $key $path) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.sources.criEvents (not .Values.sources.criSocket) -}}
{{- fail "sources.criEvents: events come from sources.criSocket, which is empty; set sources.criSocket, or set sources.criEvents to false" -}}
{{- end -}}
{{- if and .Values.sources.kubeletState (not .Values.sources.kubeletDir) -}}
{{- fail "sources.kubeletState: the state files are in sources.kubeletDir, which is empty; set sources.kubeletDir, or set sources.kubeletState to false" -}}
{{- end -}}
{{- if and (include "agent.installsSeccomp" .) (not .Values.sources.kubeletDir) (not .Values.seccomp.dir) -}}
{{- fail "seccomp.install: kubelet's seccomp directory is unknown, because sources.kubeletDir is empty; set seccomp.dir to it (kubelet's --root-dir, then /seccomp)" -}}
{{- end -}}
{{- end -}}

{{- define "agent.checkSelf" -}}
{{- if and .Values.self.devicePlugin (not .Values.self.enabled) -}}
{{- fail "self.devicePlugin gives pods the self socket, which is not enabled; set self.enabled, or set self.devicePlugin to false" -}}
{{- end -}}
{{- if and .Values.self.devicePlugin (not .Values.sources.kubeletDir) -}}
{{- fail "self.devicePlugin needs kubelet's directory; set sources.kubeletDir, or set self.devicePlugin to false" -}}
{{- end -}}
{{- end -}}

{{- define "agent.checkNetworkApi" -}}
{{- if .Values.networkApi.enabled -}}
{{- if not .Values.networkApi.secretName -}}
{{- fail "networkApi.secretName is missing: the network API requires mutual TLS; set networkApi.secretName to a Secret with tls.crt, tls.key and ca.crt, or set networkApi.enabled to false" -}}
{{- end -}}
{{- if eq (int .Values.networkApi.port) (int .Values.http.port) -}}
{{- fail (printf "networkApi.port: %d is also http.port; change one of them" (int .Values.http.port)) -}}
{{- end -}}
{{- if has (int .Values.networkApi.metricsPort) (list (int .Values.http.port) (int .Values.networkApi.port)) -}}
{{- fail (printf "networkApi.metricsPort: %d is also http.port or networkApi.port; change one of them" (int .Values.networkApi.metricsPort)) -}}
{{- end -}}
{{- $named := or .Values.sources.criSocket .Values.sources.podLogsDir -}}
{{- range $i, $client := .Values.networkApi.clients -}}
{{- if and $client.namespaces (not $named) -}}
{{- fail (printf "networkApi.clients[%d].namespaces needs the names of pods, and no name source is set, so the client could do nothing; set sources.podLogsDir or sources.criSocket" $i) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "agent.checkPods" -}}
{{- $requests := default dict .Values.resources.requests -}}
{{- $limits := default dict .Values.resources.limits -}}
{{- if and $limits.cpu $limits.memory (eq (toString (default $limits.cpu $requests.cpu)) (toString $limits.cpu)) (eq (toString (default $limits.memory $requests.memory)) (toString $limits.memory)) -}}
{{- fail "resources: requests equal limits, which makes the pod Guaranteed. kubelet may then confine the agent to some NUMA nodes, and it cannot move memory to the others; remove limits.cpu" -}}
{{- end -}}
{{- range .Values.extraArgs -}}
{{- if regexMatch "^--(config|socket|viewer-socket|front-socket|cri-socket|log-format)(=|$)" . -}}
{{- fail (printf "extraArgs: '%s' is set by the chart; use the values policies, sources.criSocket or logFormat instead. The path of the socket is fixed" .) -}}
{{- end -}}
{{- end -}}
{{- range $i, $env := .Values.extraEnv -}}
{{- if eq (toString $env.name) "NODE_NAME" -}}
{{- fail (printf "extraEnv[%d]: 'NODE_NAME' is set by the chart to the name of the Kubernetes node; use another name" $i) -}}
{{- end -}}
{{- end -}}
{{- $volumes := dict -}}
{{- range $i, $volume := concat (fromYamlArray (include "agent.ownVolumes" .)) .Values.extraVolumes -}}
{{- if hasKey $volumes (toString $volume.name) -}}
{{- fail (printf "extraVolumes: a volume '%s' exists already; use another name" $volume.name) -}}
{{- end -}}
{{- $_ := set $volumes (toString $volume.name) $i -}}
{{- end -}}
{{- $mounts := dict -}}
{{- range concat (fromYamlArray (include "agent.ownMounts" .)) .Values.extraVolumeMounts -}}
{{- if hasKey $mounts (toString .mountPath) -}}
{{- fail (printf "extraVolumeMounts: a volume is mounted at '%s' already; use another mountPath" .mountPath) -}}
{{- end -}}
{{- if not (hasKey $volumes (toString .name)) -}}
{{- fail (printf "extraVolumeMounts: a volume '%s' does not exist; add it to extraVolumes" (toString .name)) -}}
{{- end -}}
{{- $_ := set $mounts .mountPath .name -}}
{{- end -}}
{{- $own := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- range $key, $labels := dict "podLabels" .Values.podLabels "commonLabels" .Values.commonLabels -}}
{{- range $label, $_ := $labels -}}
{{- if has $label $own -}}
{{- fail (printf "%s: '%s' is set by the chart, which selects its objects by it; use another label" $key $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) .Values.serviceAccount.annotations -}}
{{- fail "serviceAccount.annotations: the chart creates no ServiceAccount; set serviceAccount.create, or annotate the existing one" -}}
{{- end -}}
{{- end -}}
