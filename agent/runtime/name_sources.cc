#include "agent/runtime/name_sources.h"

#include "agent/runtime/cri_client.h"
#include "agent/runtime/kubelet_state.h"
#include "agent/runtime/pod_logs.h"
#include "agent/runtime/pod_resources_client.h"

namespace numalocality {

std::vector<std::unique_ptr<NameSource>> MakeNameSources(const SourceOptions& options) {
  std::vector<std::unique_ptr<NameSource>> sources;
  if (!options.cri_socket.empty()) {
    sources.push_back(std::make_unique<CriNames>(options.cri_socket));
  }
  if (!options.kubelet_dir.empty()) {
    sources.push_back(std::make_unique<PodResourcesClient>(options.kubelet_dir));
    sources.push_back(std::make_unique<KubeletState>(options.kubelet_dir));
  }
  if (!options.pod_logs_dir.empty()) {
    sources.push_back(std::make_unique<PodLogs>(options.pod_logs_dir));
  }
  return sources;
}

}  // namespace numalocality
