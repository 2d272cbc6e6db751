#include "agent/runtime/cri_names.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/runtime/cri_client.h"
#include "numalocality/runtime/v1/runtime.pb.h"

namespace numalocality {
namespace {

namespace cri = ::numalocality::runtime::v1;

constexpr absl::Duration kListTimeout = absl::Seconds(5);

// States of the runtime's interface.
constexpr int kSandboxReady = 0;
constexpr int kContainerRunning = 1;

// Nobody asks for longer ones, such as kubectl's copy of the manifest that it applied; one for each
// pod would be much of what the agent keeps in memory.
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
  return known;
}

}  // namespace

CriNames::CriNames(const std::string& socket) : daemon_("container runtime", socket, kCriService) {}

absl::StatusOr<std::vector<KnownContainer>> CriNames::Read() {
  cri::ListPodSandboxResponse sandboxes;
  NL_RETURN_IF_ERROR(
      daemon_.Call("ListPodSandbox", cri::ListPodSandboxRequest(), sandboxes, kListTimeout));
  cri::ListContainersResponse containers;
  NL_RETURN_IF_ERROR(
      daemon_.Call("ListContainers", cri::ListContainersRequest(), containers, kListTimeout));

  // A pod's sandbox that has ended comes before the one that took its place: the last counts.
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
    known.push_back(std::move(entry));
  }
  return known;
}

}  // namespace numalocality
