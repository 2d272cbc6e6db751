#include "agent/runtime/cri_events.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <atomic>
#include <future>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/retry_delay.h"
#include "agent/runtime/cri_client.h"
#include "agent/runtime/daemon.h"
#include "numalocality/runtime/v1/runtime.pb.h"

namespace numalocality {
namespace {

namespace cri = ::numalocality::runtime::v1;

// ContainerEventType of the CRI.
constexpr int kStarted = 1;
constexpr int kStopped = 2;

// One stream of events.
class Stream final
    : public grpc::ClientBidiReactor<cri::GetContainerEventsRequest, cri::ContainerEvent> {
 public:
  explicit Stream(const std::function<void()>& on_event) : on_event_(on_event) {}

  // Starts the stream. The future gets its final status.
  std::future<grpc::Status> Begin() {
    std::future<grpc::Status> end = end_->get_future();
    StartWriteLast(&request_, grpc::WriteOptions());
    StartRead(&event_);
    StartCall();
    return end;
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    had_events_ = true;
    const int type = event_.container_event_type();
    if (type == kStarted || type == kStopped) on_event_();
    event_.Clear();
    StartRead(&event_);
  }
  void OnDone(const grpc::Status& status) override {
    // The waiting thread may destroy this stream while set_value still runs.
    const auto end = end_;
    end->set_value(status);
  }

  bool had_events() const { return had_events_; }

 private:
  const std::function<void()>& on_event_;
  const cri::GetContainerEventsRequest request_;
  cri::ContainerEvent event_;
  std::atomic<bool> had_events_ = false;
  const std::shared_ptr<std::promise<grpc::Status>> end_ =
      std::make_shared<std::promise<grpc::Status>>();
};

}  // namespace

CriEvents::CriEvents(const std::string& socket, std::function<void()> on_event)
    : socket_(socket), on_event_(std::move(on_event)), thread_([this] { Run(); }) {}

CriEvents::~CriEvents() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    if (call_ != nullptr) call_->TryCancel();
    stop_.NotifyAll();
  }
  thread_.join();
}

void CriEvents::Run() {
  std::minstd_rand random{std::random_device()()};
  RetryDelay retry;
  while (true) {
    bool had_events = false;
    if (Listen(had_events) == grpc::StatusCode::UNIMPLEMENTED) return;
    if (had_events) retry.Reset();
    MutexLock lock(mutex_);
    if (!stopping_) stop_.WaitFor(mutex_, retry.Next(random));
    if (stopping_) return;
  }
}

grpc::StatusCode CriEvents::Listen(bool& had_events) {
  grpc::ClientContext call;
  {
    MutexLock lock(mutex_);
    if (stopping_) return grpc::StatusCode::CANCELLED;
    call_ = &call;
  }
  grpc::TemplatedGenericStub<cri::GetContainerEventsRequest, cri::ContainerEvent> stub(
      ConnectTo(socket_));
  Stream stream(on_event_);
  stub.PrepareBidiStreamingCall(&call, absl::StrCat("/", kCriService, "/GetContainerEvents"),
                                grpc::StubOptions(), &stream);
  const grpc::Status status = stream.Begin().get();
  had_events = stream.had_events();
  MutexLock lock(mutex_);
  call_ = nullptr;
  return status.error_code();
}

std::unique_ptr<CriEvents> MakeCriEvents(const SourceOptions& options,
                                         std::function<void()> on_event) {
  if (options.cri_socket.empty() || !options.cri_events) return nullptr;
  return std::make_unique<CriEvents>(options.cri_socket, std::move(on_event));
}

}  // namespace numalocality
