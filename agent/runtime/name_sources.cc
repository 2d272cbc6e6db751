#include "agent/runtime/name_sources.h"

#include <string>

#include "agent/engine/workload/workload_finder.h"
#include "agent/runtime/cri_client.h"
#include "agent/runtime/kubelet_state.h"
#include "agent/runtime/pod_logs.h"
#include "agent/runtime/pod_resources_client.h"

namespace numalocality {
namespace {

std::vector<std::string> ListContainerIds(const Host& host) {
  std::vector<std::string> ids;
  const auto workloads = WorkloadFinder(host).FindAll();
  if (!workloads.ok()) return ids;
  for (const Workload& workload : *workloads) ids.push_back(workload.container->container_id);
  return ids;
}

}  // namespace

std::vector<std::unique_ptr<NameSource>> MakeNameSources(const SourceOptions& options,
                                                         const Host& host) {
  std::vector<std::unique_ptr<NameSource>> sources;
  if (!options.cri_socket.empty()) {
    sources.push_back(
        std::make_unique<CriNames>(options.cri_socket, [host] { return ListContainerIds(host); }));
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
