#include "agent/runtime/cri_client.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "numalocality/runtime/v1/runtime.pb.h"

namespace numalocality {
namespace {

namespace cri = ::numalocality::runtime::v1;

// Runtimes answer within a second or two, also when they are busy.
constexpr absl::Duration kTimeout = absl::Seconds(10);

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

}  // namespace numalocality
