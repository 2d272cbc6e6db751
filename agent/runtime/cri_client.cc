#include "agent/runtime/cri_client.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/policy_match.h"
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

// All calls by id together. Each takes about a millisecond.
constexpr absl::Duration kPartsTimeout = absl::Seconds(20);

// A policy's name has at most 63 characters; longer values only show that no policy has the name.
constexpr size_t kMaxAnnotationBytes = 1024;
// Of all labels of a pod. The annotations and labels of a pod may have 256 KiB and more, so those
// of all pods would be a large part of the agent's memory.
constexpr size_t kMaxLabelBytes = size_t{16} << 10;

// What is used of a pod's labels and annotations; nullopt if it has more labels than are kept, as a
// part of them would let policies match that the whole does not.
std::optional<PodMetadata> MetadataOf(const cri::PodSandbox& sandbox) {
  PodMetadata metadata;
  size_t bytes = 0;
  for (const auto& [name, value] : sandbox.labels()) {
    bytes += name.size() + value.size();
    if (bytes > kMaxLabelBytes) return std::nullopt;
    metadata.labels.emplace(name, value);
  }
  const auto policy = sandbox.annotations().find(std::string(kPolicyAnnotation));
  if (policy != sandbox.annotations().end()) {
    metadata.annotations.emplace(policy->first, policy->second.substr(0, kMaxAnnotationBytes));
  }
  return metadata;
}

std::string NameOf(const KnownContainer& sandbox) {
  const ContainerNames& names = sandbox.description.names;
  return absl::StrCat("pod ", names.pod_namespace, "/", names.pod);
}

KnownContainer ToKnown(const cri::PodSandbox& sandbox) {
  KnownContainer known;
  known.container_id = sandbox.id();
  known.pod_uid = sandbox.metadata().uid();
  known.description.names = {sandbox.metadata().namespace_(), sandbox.metadata().name(), ""};
  known.description.metadata = MetadataOf(sandbox);
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

CriNames::CriNames(const std::string& socket, ListIds list_ids)
    : daemon_("container runtime", socket, kCriService), list_ids_(std::move(list_ids)) {}

absl::StatusOr<std::vector<KnownContainer>> CriNames::Read() {
  cri::ListPodSandboxResponse sandboxes;
  const absl::Status listed =
      daemon_.Call("ListPodSandbox", cri::ListPodSandboxRequest(), sandboxes, kListTimeout);
  // Else the answer is too large: sandboxes have the annotations of their pods.
  if (!listed.ok() && !absl::IsResourceExhausted(listed)) return listed;
  std::set<std::string> left_out;
  cri::ListContainersResponse containers;
  NL_RETURN_IF_ERROR(ListContainers(containers, left_out));
  if (!listed.ok()) {
    NL_RETURN_IF_ERROR(ListSandboxesOf(containers, sandboxes, left_out));
  }

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
    if (!known.back().description.metadata.has_value()) left_out.insert(NameOf(known.back()));
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
  LogLeftOut(std::move(left_out));
  return known;
}

template <typename Request, typename Response>
absl::Status CriNames::ListEach(absl::string_view method, const std::vector<std::string>& ids,
                                Response& all, std::set<std::string>& left_out) const {
  const absl::Duration end = Clock::System().Monotonic() + kPartsTimeout;
  for (const std::string& id : ids) {
    if (Clock::System().Monotonic() > end) {
      return absl::DeadlineExceededError(
          absl::StrCat("container runtime at ", daemon_.socket(), ": ", method, " of ", ids.size(),
                       " ids, one by one: takes longer than ", absl::FormatDuration(kPartsTimeout),
                       ", the limit"));
    }
    Request request;
    request.mutable_filter()->set_id(id);
    Response one;
    const absl::Status status = daemon_.Call(method, request, one, kListTimeout);
    if (absl::IsResourceExhausted(status)) {
      left_out.insert(id);
    } else if (!absl::IsNotFound(status)) {
      NL_RETURN_IF_ERROR(status);
      all.MergeFrom(one);
    }
  }
  return absl::OkStatus();
}

absl::Status CriNames::ListContainers(cri::ListContainersResponse& containers,
                                      std::set<std::string>& left_out) const {
  absl::Status listed =
      daemon_.Call("ListContainers", cri::ListContainersRequest(), containers, kListTimeout);
  if (!absl::IsResourceExhausted(listed) || list_ids_ == nullptr) return listed;
  containers.Clear();
  return ListEach<cri::ListContainersRequest>("ListContainers", list_ids_(), containers, left_out);
}

absl::Status CriNames::ListSandboxesOf(const cri::ListContainersResponse& containers,
                                       cri::ListPodSandboxResponse& sandboxes,
                                       std::set<std::string>& left_out) const {
  std::set<std::string> ids;
  if (list_ids_ != nullptr) {
    for (std::string& id : list_ids_()) ids.insert(std::move(id));
  }
  // What is no container may be a sandbox.
  for (const cri::Container& container : containers.containers()) ids.erase(container.id());
  for (const cri::Container& container : containers.containers()) {
    if (container.state() <= kContainerRunning) ids.insert(container.pod_sandbox_id());
  }
  sandboxes.Clear();
  return ListEach<cri::ListPodSandboxRequest>("ListPodSandbox", {ids.begin(), ids.end()}, sandboxes,
                                              left_out);
}

void CriNames::LogLeftOut(std::set<std::string> left_out) {
  MutexLock lock(mutex_);
  for (const std::string& name : left_out) {
    if (left_out_.contains(name)) continue;
    LogWarning(absl::StrCat(
        "the labels and annotations of ", LogSafe(name),
        " are not known: the container runtime's answer about it is too large; no policy that "
        "needs them repairs it, and requests must override its protection"));
  }
  left_out_ = std::move(left_out);
}

}  // namespace numalocality
