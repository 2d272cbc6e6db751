#include "agent/runtime/daemon.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

using google::protobuf::MessageLite;

constexpr int kMaxAnswerBytes = 16 << 20;
// How soon a call notices that it is cancelled.
constexpr std::chrono::milliseconds kCancelPeriod(50);

}  // namespace

std::shared_ptr<grpc::Channel> ConnectTo(const std::string& path) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  // Otherwise all channels to an address share one connection and its back-off after a failure.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("unix:", path), grpc::InsecureChannelCredentials(),
                                   arguments);
}

Daemon::Daemon(std::string name, std::string socket, std::string service)
    : name_(std::move(name)), socket_(std::move(socket)), service_(std::move(service)) {}

absl::Status Daemon::Call(absl::string_view method, const MessageLite& request,
                          MessageLite& response, absl::Duration timeout) const {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  // Shared, because gRPC's thread may still be in set_value when this function returns.
  const auto done = std::make_shared<std::promise<grpc::Status>>();
  std::future<grpc::Status> answer = done->get_future();
  grpc::TemplatedGenericStub<MessageLite, MessageLite>(ConnectTo(socket_))
      .UnaryCall(&context, absl::StrCat("/", service_, "/", method), grpc::StubOptions(), &request,
                 &response, [done](grpc::Status status) { done->set_value(std::move(status)); });
  while (answer.wait_for(kCancelPeriod) != std::future_status::ready) {
    if (is_cancelled_) context.TryCancel();
  }
  const grpc::Status status = answer.get();
  if (status.ok()) return absl::OkStatus();
  return absl::Status(
      static_cast<absl::StatusCode>(status.error_code()),
      absl::StrCat(name_, " at ", socket_, ": ", method, ": ", LogSafe(status.error_message())));
}

}  // namespace numalocality
