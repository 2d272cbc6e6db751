// A gRPC server that knows methods by name and messages as bytes: what a container runtime or
// kubelet would answer.
#ifndef NUMALOCALITY_TESTS_COMPONENT_WIRE_SERVER_H_
#define NUMALOCALITY_TESTS_COMPONENT_WIRE_SERVER_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace numalocality {

// What is answered to one method: an error, or messages of which only a stream has not just one.
struct WireAnswer {
  grpc::Status status;
  std::vector<std::string> messages;
  bool stays_open = false;  // after the messages, until the caller leaves
};

// Serves until destroyed. Thread-safe.
class WireServer final : public grpc::CallbackGenericService {
 public:
  explicit WireServer(const std::string& socket);
  ~WireServer() override;

  // By the method's whole name, "/runtime.v1.RuntimeService/Version". Others are UNIMPLEMENTED.
  void Answer(const std::string& method, WireAnswer answer);
  void Answer(const std::string& method, const google::protobuf::MessageLite& message) {
    Answer(method, WireAnswer{grpc::Status::OK, {message.SerializeAsString()}, false});
  }

  // The last request to `method`, in bytes; and how many there were.
  std::string Request(const std::string& method) const;
  int Count(const std::string& method) const;

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  class Reactor;

  mutable std::mutex mutex_;
  std::map<std::string, WireAnswer> answers_;
  std::map<std::string, std::vector<std::string>> requests_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_WIRE_SERVER_H_
