#include "tests/component/wire_server.h"

#include <atomic>
#include <chrono>
#include <utility>

namespace numalocality {

// One call. Reads the request, writes the messages one by one and finishes.
class WireServer::Reactor final : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(WireServer& server, std::string method) : server_(server), method_(std::move(method)) {
    StartRead(&buffer_);
  }

  void OnReadDone(bool ok) override {
    std::string request;
    grpc::Slice slice;
    if (ok && buffer_.DumpToSingleSlice(&slice).ok()) request = {slice.begin(), slice.end()};
    {
      const std::lock_guard lock(server_.mutex_);
      server_.requests_[method_].push_back(request);
      const auto found = server_.answers_.find(method_);
      answer_ = found != server_.answers_.end()
                    ? found->second
                    : WireAnswer{{grpc::StatusCode::UNIMPLEMENTED, "unknown method"}, {}, false};
      const auto exact = server_.answers_to_.find({method_, request});
      if (exact != server_.answers_to_.end()) answer_ = exact->second;
    }
    WriteNext();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    WriteNext();
  }
  void OnCancel() override { Close(); }
  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (next_ < answer_.messages.size()) {
      grpc::Slice slice(answer_.messages[next_++]);
      buffer_ = grpc::ByteBuffer(&slice, 1);
      return StartWrite(&buffer_);
    }
    if (!answer_.stays_open) return Finish(answer_.status);
    Close();
  }
  // Ends a stream that stays open, after all messages are written and the caller has disconnected.
  void Close() {
    if (closing_.fetch_add(1) == 1) Finish(grpc::Status::CANCELLED);
  }

  WireServer& server_;
  const std::string method_;
  WireAnswer answer_;
  grpc::ByteBuffer buffer_;
  size_t next_ = 0;
  std::atomic<int> closing_ = 0;
};

WireServer::WireServer(const std::string& socket) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(this);
  server_ = builder.BuildAndStart();
}

WireServer::~WireServer() {
  server_->Shutdown(std::chrono::system_clock::now());  // closes open streams
  server_->Wait();
}

void WireServer::Answer(const std::string& method, WireAnswer answer) {
  const std::lock_guard lock(mutex_);
  answers_[method] = std::move(answer);
}

void WireServer::AnswerTo(const std::string& method, const google::protobuf::MessageLite& request,
                          WireAnswer answer) {
  const std::lock_guard lock(mutex_);
  answers_to_[{method, request.SerializeAsString()}] = std::move(answer);
}

std::string WireServer::Request(const std::string& method) const {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(method);
  return found == requests_.end() ? "" : found->second.back();
}

int WireServer::Count(const std::string& method) const {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(method);
  return found == requests_.end() ? 0 : static_cast<int>(found->second.size());
}

grpc::ServerGenericBidiReactor* WireServer::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Reactor(*this, context->method());
}

}  // namespace numalocality
