// A gRPC server that handles methods by name and messages as bytes. Replaces a container runtime or
// kubelet.
#ifndef NUMALOCALITY_TESTS_COMPONENT_WIRE_SERVER_H_
#define NUMALOCALITY_TESTS_COMPONENT_WIRE_SERVER_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace numalocality {

// The response of a method: an error, or messages. Only a stream may have more or less than one.
struct WireAnswer {
  grpc::Status status;
  std::vector<std::string> messages;
  bool stays_open = false;  // after the messages, until the caller disconnects
};

// Runs from construction to destruction. Thread-safe.
class WireServer final : public grpc::CallbackGenericService {
 public:
  explicit WireServer(const std::string& socket);
  ~WireServer() override;

  // Sets the response of a method, such as "/runtime.v1.RuntimeService/Version". Other methods
  // return UNIMPLEMENTED.
  void Answer(const std::string& method, WireAnswer answer);
  void Answer(const std::string& method, const google::protobuf::MessageLite& message) {
    Answer(method, WireAnswer{grpc::Status::OK, {message.SerializeAsString()}, false});
  }

  // Sets the response to the request with these bytes, which goes before that of the method.
  void AnswerTo(const std::string& method, const google::protobuf::MessageLite& request,
                WireAnswer answer);

  // The bytes of the last request to `method`, and the number of requests.
  std::string Request(const std::string& method) const;
  int Count(const std::string& method) const;

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  class Reactor;

  mutable std::mutex mutex_;
  std::map<std::string, WireAnswer> answers_;
  std::map<std::pair<std::string, std::string>, WireAnswer> answers_to_;  // by method and request
  std::map<std::string, std::vector<std::string>> requests_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_WIRE_SERVER_H_
