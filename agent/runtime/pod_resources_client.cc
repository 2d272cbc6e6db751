#include "agent/runtime/pod_resources_client.h"

#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "numalocality/runtime/v1/pod_resources.pb.h"

namespace numalocality {
namespace {

namespace kubelet = ::numalocality::runtime::v1;

constexpr absl::Duration kPodResourcesTimeout = absl::Seconds(5);

std::optional<KubeletAssignment> ToAssignment(const kubelet::ContainerAssignment& container) {
  KubeletAssignment assignment;
  for (const int64_t cpu : container.cpu_ids()) {
    assignment.exclusive_cpus.Insert(CpuId{static_cast<int>(cpu)});
  }
  for (const kubelet::ContainerMemory& memory : container.memory()) {
    for (const kubelet::MemoryNode& node : memory.topology().nodes()) {
      assignment.memory_nodes.Insert(NodeId{static_cast<int>(node.id())});
    }
  }
  if (assignment == KubeletAssignment()) return std::nullopt;
  return assignment;
}

}  // namespace

PodResourcesClient::PodResourcesClient(absl::string_view kubelet_dir)
    : daemon_("kubelet", absl::StrCat(kubelet_dir, "/pod-resources/kubelet.sock"),
              "v1.PodResourcesLister") {}

absl::StatusOr<std::vector<KnownContainer>> PodResourcesClient::Read() {
  std::error_code error;
  const bool is_there = std::filesystem::exists(daemon_.socket(), error);
  const std::string what = absl::StrCat("kubelet's pod-resources socket ", daemon_.socket());
  if (error) return ErrnoStatus(error.value(), what);
  if (!is_there) {
    return absl::NotFoundError(
        absl::StrCat(what, ": does not exist; mount its directory into the agent's container"));
  }
  kubelet::ListPodResourcesResponse response;
  NL_RETURN_IF_ERROR(
      daemon_.Call("List", kubelet::ListPodResourcesRequest(), response, kPodResourcesTimeout));
  std::vector<KnownContainer> known;
  for (const kubelet::PodResources& pod : response.pod_resources()) {
    for (const kubelet::ContainerAssignment& container : pod.containers()) {
      const ContainerNames names{pod.namespace_(), pod.name(), container.name()};
      known.push_back({"", "", {names, {}, ToAssignment(container)}});
    }
  }
  return known;
}

}  // namespace numalocality
