#include "agent/runtime/cri_client.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "numalocality/runtime/v1/runtime.pb.h"

namespace numalocality {
namespace {

namespace cri = ::numalocality::runtime::v1;

// Runtimes answer within a second or two even when they are busy.
constexpr absl::Duration kTimeout = absl::Seconds(10);

constexpr absl::Duration kListTimeout = absl::Seconds(5);

// PodSandboxState and ContainerState of the CRI.
constexpr int kSandboxReady = 0;
constexpr int kContainerRunning = 1;

// Longer annotations, such as kubectl's copy of the applied manifest, are of no use here. One for
// each pod would be a large part of the agent's memory.
constexpr size_t kMaxAnnotationBytes = 1024;

std::map<std::string, std::string> ShortAnnotations(const cri::PodSandbox& sandbox) {
  std::map<std::string, std::string> annotations;
  for (const auto& [name, value] : sandbox.annotations()) {
    if (value.size() <= kMaxAnnotationBytes) annotations.emplace(name, value);
  }
  return annotations;
}

KnownContainer ToKnown(const cri::PodSandbox& sandbox) {
  KnownContainer known;
  known.container_id = sandbox.id();
  known.pod_uid = sandbox.metadata().uid();
  known.description.names = {sandbox.metadata().namespace_(), sandbox.metadata().name(), ""};
  known.description.metadata = {{sandbox.labels().begin(), sandbox.labels().end()},
                                ShortAnnotations(sandbox)};
  known.description.role = ContainerRole::kSandbox;
  return known;
}

}  // namespace

CriClient::CriClient(const std::string& socket)
    : daemon_("container runtime", socket, kCriService) {}

absl::Status CriClient::SetMems(const std::string& container_id, const NodeSet& nodes) {
  cri::UpdateContainerResourcesRequest request;
  request.set_container_id(container_id);
  request.mutable_linux()->set_cpuset_mems(nodes.ToString());
  cri::UpdateContainerResourcesResponse response;
  return daemon_.Call("UpdateContainerResources", request, response, kTimeout);
}

absl::StatusOr<std::string> CriClient::Describe() {
  cri::VersionResponse response;
  NL_RETURN_IF_ERROR(daemon_.Call("Version", cri::VersionRequest(), response, kTimeout));
  return absl::StrCat(response.runtime_name(), " ", response.runtime_version());
}

std::unique_ptr<ContainerResources> MakeContainerResources(const SourceOptions& options) {
  if (options.cri_socket.empty()) return nullptr;
  return std::make_unique<CriClient>(options.cri_socket);
}

CriNames::CriNames(const std::string& socket) : daemon_("container runtime", socket, kCriService) {}

absl::StatusOr<std::vector<KnownContainer>> CriNames::Read() {
  cri::ListPodSandboxResponse sandboxes;
  NL_RETURN_IF_ERROR(
      daemon_.Call("ListPodSandbox", cri::ListPodSandboxRequest(), sandboxes, kListTimeout));
  cri::ListContainersResponse containers;
  NL_RETURN_IF_ERROR(
      daemon_.Call("ListContainers", cri::ListContainersRequest(), containers, kListTimeout));

  // NameDirectory uses the last entry of a pod. So sandboxes that are no longer ready come first,
  // and the ready one that replaced them comes last.
  std::stable_partition(
      sandboxes.mutable_items()->pointer_begin(), sandboxes.mutable_items()->pointer_end(),
      [](const cri::PodSandbox* sandbox) { return sandbox->state() != kSandboxReady; });
  std::vector<KnownContainer> known;
  std::map<std::string, size_t> by_sandbox;
  for (const cri::PodSandbox& sandbox : sandboxes.items()) {
    by_sandbox[sandbox.id()] = known.size();
    known.push_back(ToKnown(sandbox));
  }
  for (const cri::Container& container : containers.containers()) {
    const auto sandbox = by_sandbox.find(container.pod_sandbox_id());
    if (container.state() > kContainerRunning || sandbox == by_sandbox.end()) continue;
    KnownContainer& of_pod = known[sandbox->second];
    KnownContainer entry{container.id(), of_pod.pod_uid, {of_pod.description.names, {}, {}}};
    entry.description.names.container = container.metadata().name();
    entry.description.role = ContainerRole::kApp;
    known.push_back(std::move(entry));
  }
  return known;
}

}  // namespace numalocality
