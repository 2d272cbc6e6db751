#include "agent/rpc/self_server.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

constexpr std::chrono::seconds kLongestWatch(60);
// Of gRPC's threads that wait for calls.
constexpr int kSpareThreads = 16;

std::string TextOf(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  return buffer.DumpToSingleSlice(&slice).ok() ? std::string(slice.begin(), slice.end()) : "";
}

}  // namespace

// One call, from Begin to its answer.
class SelfServer::Running final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Running(SelfServer& server, uint64_t id, SelfCaller caller, SelfCall call, Answer answer)
      : server_(server),
        id_(id),
        caller_(std::move(caller)),
        call_(std::move(call)),
        answer_(std::move(answer)) {
    context_.AddMetadata(kCallHeader, absl::StrCat(id_));
    // Not of other calls: the answer would come before a read of memory has returned that stalls.
    if (call_.is_watch) {
      context_.set_deadline(std::chrono::system_clock::now() + kLongestWatch);
    }
    const grpc::Slice slice(call_.request);
    request_ = grpc::ByteBuffer(&slice, 1);
  }

  void Begin() {
    grpc::GenericStub(server_.channel_)
        .PrepareBidiStreamingCall(&context_, call_.method, grpc::StubOptions(), this);
    StartWriteLast(&request_, grpc::WriteOptions());
    StartRead(&next_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }
  const Workload& container() const { return caller_.container; }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    last_.Swap(&next_);
    StartRead(&next_);
  }
  void OnDone(const grpc::Status& status) override {
    answer_(ToSelfResponse(call_, status, TextOf(last_)));
    server_.Ended(id_);  // another thread may destroy this now
  }

 private:
  SelfServer& server_;
  const uint64_t id_;
  const SelfCaller caller_;
  const SelfCall call_;
  const Answer answer_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer next_;
  grpc::ByteBuffer last_;  // a watch returns its last message
};

SelfServer::SelfServer(const Served& served)
    : callers_(Callers::OfContainers([this](const std::string& id) { return ContainerOf(id); })),
      placement_service_(callers_, served.context, served.board, served.explanation,
                         served.requests, InstanceOf(served), served.heartbeat),
      migration_service_(callers_, served.migrator, served.context, served.requests,
                         InstanceOf(served), served.heartbeat) {}

absl::StatusOr<std::unique_ptr<SelfServer>> SelfServer::Start(const Served& served,
                                                              int most_calls) {
  std::unique_ptr<SelfServer> self(new SelfServer(served));
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(most_calls + kSpareThreads);
  builder.SetResourceQuota(quota);
  builder.RegisterService(&self->placement_service_);
  builder.RegisterService(&self->migration_service_);
  self->server_ = builder.BuildAndStart();
  if (self->server_ == nullptr) {
    return absl::UnavailableError("self socket: gRPC cannot start its services");
  }
  // Not Server::InProcessChannel: that is another transport than the one of all other sockets.
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return ErrnoStatus(errno, "socketpair");
  }
  grpc::AddInsecureChannelFromFd(self->server_.get(), ends[0]);  // gRPC closes both
  self->channel_ = grpc::CreateInsecureChannelFromFd("self", ends[1]);
  return self;
}

SelfServer::~SelfServer() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  MutexLock lock(mutex_);
  while (!running_.empty()) all_ended_.Wait(mutex_);
  ended_.clear();
}

uint64_t SelfServer::Call(const SelfCaller& caller, const SelfCall& call, Answer answer) {
  std::shared_ptr<Running> running;
  std::vector<std::shared_ptr<Running>> ended;  // destroyed here, without the lock
  uint64_t id = 0;
  {
    MutexLock lock(mutex_);
    ended.swap(ended_);
    id = ++last_id_;
    running = std::make_shared<Running>(*this, id, caller, call, std::move(answer));
    running_[id] = running;
  }
  running->Begin();
  return id;
}

void SelfServer::Cancel(uint64_t id) {
  std::shared_ptr<Running> running;
  {
    MutexLock lock(mutex_);
    const auto found = running_.find(id);
    if (found != running_.end()) running = found->second;
  }
  if (running != nullptr) running->Cancel();
}

absl::StatusOr<Workload> SelfServer::ContainerOf(const std::string& id) const {
  uint64_t number = 0;
  MutexLock lock(mutex_);
  const auto found = absl::SimpleAtoi(id, &number) ? running_.find(number) : running_.end();
  if (found != running_.end()) return found->second->container();
  return absl::CancelledError("the call has ended");
}

void SelfServer::Ended(uint64_t id) {
  MutexLock lock(mutex_);
  const auto found = running_.find(id);
  ended_.push_back(std::move(found->second));
  running_.erase(found);
  all_ended_.NotifyAll();
}

}  // namespace numalocality
