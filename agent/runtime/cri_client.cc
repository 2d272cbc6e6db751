#include "agent/runtime/cri_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "numalocality/runtime/v1/runtime.pb.h"

namespace numalocality {
namespace {

namespace cri = ::numalocality::runtime::v1;

// Runtimes answer within a second or two, also when they are busy.
constexpr absl::Duration kTimeout = absl::Seconds(10);

}  // namespace

CriClient::CriClient(const std::string& socket)
    : socket_(socket),
      channel_(
          grpc::CreateChannel(absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials())) {}

template <typename Request, typename Response>
absl::Status CriClient::Call(absl::string_view method, const Request& request,
                             Response& response) const {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kTimeout));
  // gRPC's thread may still be in set_value when this one goes on.
  const auto done = std::make_shared<std::promise<grpc::Status>>();
  // By name: a generated stub would carry this project's name for the service.
  grpc::TemplatedGenericStub<Request, Response>(channel_).UnaryCall(
      &context, absl::StrCat("/runtime.v1.RuntimeService/", method), grpc::StubOptions(), &request,
      &response, [done](grpc::Status status) { done->set_value(std::move(status)); });
  const grpc::Status status = done->get_future().get();
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("container runtime at ", socket_, ": ", method, ": ",
                                   LogSafe(status.error_message())));
}

absl::Status CriClient::SetMems(const std::string& container_id, const NodeSet& nodes) {
  cri::UpdateContainerResourcesRequest request;
  request.set_container_id(container_id);
  request.mutable_linux()->set_cpuset_mems(nodes.ToString());
  cri::UpdateContainerResourcesResponse response;
  return Call("UpdateContainerResources", request, response);
}

absl::StatusOr<std::string> CriClient::Describe() {
  cri::VersionResponse response;
  NL_RETURN_IF_ERROR(Call("Version", cri::VersionRequest(), response));
  return absl::StrCat(response.runtime_name(), " ", response.runtime_version());
}

}  // namespace numalocality
