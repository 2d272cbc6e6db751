#include "agent/http/container_metrics.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/model/explanation.h"
#include "agent/model/repair_decision.h"

namespace numalocality {
namespace {

constexpr size_t kShortIdLength = 12;  // as crictl prints it

struct RemoteBytes {
  int64_t repairable = 0;        // anonymous and shmem, on nodes with CPUs
  int64_t memory_only_node = 0;  // anonymous and shmem, on nodes without CPUs: not repaired
  int64_t page_cache = 0;
  int64_t hugetlb = 0;
  int64_t Total() const { return repairable + memory_only_node + page_cache + hugetlb; }
};

int64_t BytesOff(const MemoryByNode& memory, const NodeSet& home, const KindSet& kinds) {
  return memory.Bytes(kinds) - memory.BytesOn(home, kinds);
}

int64_t PrivateBytesOff(const WorkloadPlacement& placement) {
  if (placement.processes.empty()) {
    return BytesOff(placement.memory, placement.home_nodes, kPrivateKinds);
  }
  int64_t bytes = 0;
  for (const ProcessPlacement& process : placement.processes) {
    bytes += BytesOff(process.memory, process.home_nodes, kPrivateKinds);
  }
  return bytes;
}

// nullopt without home nodes.
std::optional<RemoteBytes> RemoteBytesOf(const WorkloadPlacement& placement,
                                         const Topology& topology) {
  const NodeSet& home = placement.home_nodes;
  if (home.empty()) return std::nullopt;
  RemoteBytes remote;
  remote.page_cache = BytesOff(placement.memory, home, {MemoryKind::kFile});
  remote.hugetlb = BytesOff(placement.memory, home, {MemoryKind::kHugetlb});
  remote.repairable = RepairableBytes(placement, topology);
  remote.memory_only_node = PrivateBytesOff(placement) - remote.repairable;
  return remote;
}

// Namespace, pod and container; while names are unknown, the pod's UID and the container's id.
MetricLabels NamesOf(const Workload& workload) {
  const ContainerNames& names = workload.names;
  std::string pod = names.pod;
  std::string container = names.container;
  if (workload.container.has_value()) {
    if (pod.empty()) pod = workload.container->pod_uid;
    if (container.empty()) container = workload.container->container_id.substr(0, kShortIdLength);
  }
  if (container.empty()) container = workload.cgroup_path;
  return {{"namespace", Printable(names.pod_namespace)},
          {"pod", Printable(pod)},
          {"container", Printable(container)}};
}

MetricLabels Join(MetricLabels labels, const MetricLabels& more) {
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

struct Series {
  const WorkloadPlacement* placement;
  MetricLabels names;
  std::optional<RemoteBytes> remote;
  int64_t RemoteTotal() const { return remote.has_value() ? remote->Total() : 0; }
};

// All containers, those with the most remote bytes first. While a container is replaced, two may
// have the same names for a moment; Prometheus rejects a page with two series of the same labels.
std::vector<Series> ContainersOf(const LocalityReport& report) {
  std::vector<Series> containers;
  for (const auto& workload : report.workloads) {
    const WorkloadPlacement& placement = workload->placement;
    if (placement.IsSandbox()) continue;
    containers.push_back(
        {&placement, NamesOf(placement.workload), RemoteBytesOf(placement, report.topology)});
  }
  std::stable_sort(containers.begin(), containers.end(), [](const Series& a, const Series& b) {
    return a.RemoteTotal() > b.RemoteTotal();
  });
  std::set<MetricLabels> seen;
  std::erase_if(containers, [&](const Series& one) { return !seen.insert(one.names).second; });
  return containers;
}

int64_t TooLargeCount(const std::vector<Series>& containers) {
  return std::count_if(containers.begin(), containers.end(), [](const Series& one) {
    return one.placement->state == PlacementState::kTooLarge;
  });
}

prometheus::MetricFamily MemoryOf(const std::vector<Series>& containers) {
  auto family = Gauge("numa_locality_container_memory_bytes",
                      "Memory charged to the container, by NUMA node and kind");
  for (const Series& one : containers) {
    for (const auto& [node, bytes] : one.placement->memory.nodes) {
      for (const MemoryKind kind : AllValues<MemoryKind>()) {
        AddSeries(family, static_cast<double>(bytes[kind]),
                  Join(one.names, {{"numa_node", absl::StrCat(node.value)}, Label("kind", kind)}));
      }
    }
  }
  return family;
}

prometheus::MetricFamily LocalFractionOf(const std::vector<Series>& containers) {
  auto family = Gauge("numa_locality_container_local_fraction",
                      "Fraction of anonymous and shmem memory that is on the home nodes of the "
                      "container, the nodes nearest to its CPUs, 0 to 1");
  for (const Series& one : containers) {
    const auto fraction = one.placement->LocalFraction();
    if (fraction.has_value()) AddSeries(family, *fraction, one.names);
  }
  return family;
}

prometheus::MetricFamily RemoteOf(const std::vector<Series>& containers) {
  auto family =
      Gauge("numa_locality_container_remote_bytes",
            "Memory that is not on the home nodes of the container, by reason: "
            "repairable and memory_only_node are anonymous and shmem memory on nodes with "
            "and without CPUs; repairs move only the former");
  for (const Series& one : containers) {
    if (!one.remote.has_value()) continue;
    const auto add = [&](RemoteReason reason, int64_t bytes) {
      AddSeries(family, static_cast<double>(bytes), Join(one.names, {Label("reason", reason)}));
    };
    add(RemoteReason::kRepairable, one.remote->repairable);
    add(RemoteReason::kMemoryOnlyNode, one.remote->memory_only_node);
    add(RemoteReason::kPageCache, one.remote->page_cache);
    add(RemoteReason::kHugetlb, one.remote->hugetlb);
  }
  return family;
}

}  // namespace

MetricFamilies CollectContainerMetrics(const LocalityReport& report, const HttpOptions& options) {
  std::vector<Series> containers = ContainersOf(report);
  const size_t most = options.container_series ? static_cast<size_t>(options.max_containers) : 0;
  const size_t without = containers.size() - std::min(containers.size(), most);
  MetricFamilies families = {
      With(Gauge("numa_locality_containers", "Containers in the latest report"),
           static_cast<double>(containers.size())),
      With(Gauge("numa_locality_containers_without_series",
                 "Containers that have no time series, because the configuration limits their "
                 "number (http.containerSeries, http.maxContainers)"),
           static_cast<double>(without)),
      With(Gauge("numa_locality_containers_too_large_to_sample",
                 "Containers with so many processes, threads, mappings or cgroups that the agent "
                 "does not read them; 'localityctl explain' shows why"),
           static_cast<double>(TooLargeCount(containers)))};
  containers.resize(containers.size() - without);
  if (containers.empty()) return families;
  families.push_back(MemoryOf(containers));
  families.push_back(LocalFractionOf(containers));
  families.push_back(RemoteOf(containers));
  return families;
}

}  // namespace numalocality
