#include "agent/rpc/self_socket.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/log_fields.h"
#include "agent/base/status.h"
#include "agent/model/access.h"
#include "agent/model/error_details.h"
#include "agent/os/base/peer_socket.h"
#include "agent/os/base/poll.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

// Pauses of accepting: if no file descriptor is free, and after a client that is refused, so that a
// flood of them does not occupy a CPU.
constexpr absl::Duration kNoFilePause = absl::Milliseconds(100);
constexpr absl::Duration kRefusalPause = absl::Milliseconds(1);

absl::Duration MonotonicNow() { return Clock::System().Monotonic(); }

}  // namespace

absl::StatusOr<std::unique_ptr<SelfSocket>> SelfSocket::Start(const std::string& path,
                                                              const Served& served) {
  NL_ASSIGN_OR_RETURN(ScopedFd listener, ListenForAll(path));
  NL_ASSIGN_OR_RETURN(const FileVersion version, FileVersionAt(path));
  ScopedFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd");
  std::unique_ptr<SelfSocket> self(
      new SelfSocket(path, std::move(listener), std::move(wake), version, served));
  NL_ASSIGN_OR_RETURN(self->server_, SelfServer::Start(served, SelfLimits::kMostConnections));
  self->CountConnections();
  self->thread_ = std::thread([&socket = *self] { socket.Run(); });
  return self;
}

SelfSocket::SelfSocket(std::string path, ScopedFd listener, ScopedFd wake, FileVersion version,
                       const Served& served)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      version_(version),
      context_(served.context),
      finder_(served.context.host, served.context.names) {}

SelfSocket::~SelfSocket() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
  server_.reset();  // its answers use the other members
}

absl::Status SelfSocket::Check() const {
  const auto now = FileVersionAt(path_);
  if (now.ok() && *now == version_) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("self socket ", path_, ": has been removed or replaced; restart the agent"));
}

void SelfSocket::Run() {
  absl::Duration pause_end = -absl::InfiniteDuration();  // of accepting
  while (true) {
    const bool accepts = MonotonicNow() >= pause_end;
    absl::Duration end = accepts ? absl::InfiniteDuration() : pause_end;
    std::vector<pollfd> polled = {{wake_.get(), POLLIN, 0},
                                  {listener_.get(), static_cast<short>(accepts ? POLLIN : 0), 0}};
    for (const Client& client : clients_) {
      polled.push_back({client.connection.fd(), client.connection.events(), 0});
      end = std::min(end, client.connection.end());
    }
    Poll(polled, end - MonotonicNow());
    auto ready = polled.begin() + 2;
    for (Client& client : clients_) {
      if ((ready++)->revents != 0) Step(client);
      if (MonotonicNow() >= client.connection.end()) client.connection.End();
    }
    if (polled[0].revents != 0 && !TakeAnswers()) return;
    clients_.remove_if([this](const Client& client) {
      if (client.connection.state() != SelfConnection::State::kEnded) return false;
      if (client.call != 0 && client.is_watch) {
        server_->Cancel(client.call);
      } else if (client.call != 0) {
        return false;  // counts until the call has ended: a read of memory may not return
      }
      limits_.Disconnect(client.caller.container.PodKey());
      return true;
    });
    if (polled[1].revents != 0) pause_end = Accept() + MonotonicNow();
    CountConnections();
  }
}

absl::Duration SelfSocket::Accept() {
  ScopedFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) {
    const bool is_over = errno == EAGAIN || errno == ECONNABORTED || errno == EINTR;
    return is_over ? absl::ZeroDuration() : kNoFilePause;
  }
  const absl::Duration now = MonotonicNow();
  const auto caller = Identify(fd.get());
  const absl::Status allowed =
      caller.ok() ? limits_.Connect(caller->container.PodKey(), now) : caller.status();
  SelfConnection connection(std::move(fd), now);
  if (!allowed.ok()) {
    server_->calls()->Refused(allowed);
    connection.Answer(ToSelfResponse(allowed), now);  // as far as it goes, and closes
    return kRefusalPause;
  }
  clients_.push_back({std::move(connection), *caller, ++last_id_});
  return absl::ZeroDuration();
}

absl::StatusOr<SelfCaller> SelfSocket::Identify(int connection_fd) const {
  const absl::Status refused = WithDetails(
      absl::PermissionDeniedError("self socket: only processes in containers of pods may use it"),
      {ErrorReason::kCallerUnknown});
  const auto peer = PeerOf(connection_fd);
  if (!peer.ok() || peer->pid <= 0) return refused;
  const auto process = ProcessHandle::Open(context_.kernel, context_.host, peer->pid);
  if (!process.ok()) return refused;
  auto container = finder_.FindContainerOf(*process);
  if (!container.ok()) return refused;
  // Last: what was read by PID is about the process that connected only if that still runs. Before
  // Linux 6.5 only a PID that is used again between connect and accept would go unnoticed.
  if (HasExited(*peer) || process->Fate() != ProcessFate::kRunning) return refused;
  return SelfCaller{*std::move(container), peer->pid};
}

void SelfSocket::Step(Client& client) {
  const std::optional<std::string> request = client.connection.Step();
  if (!request.has_value()) return;
  const absl::Duration now = MonotonicNow();
  const auto call = ToSelfCall(client.caller, *request);
  absl::Status status = call.status();
  if (call.ok() && !call->is_watch) {
    status = limits_.Begin(client.caller.container.PodKey(), call->is_change, now);
  }
  if (absl::IsPermissionDenied(status)) LogRefusal(client.caller, status);
  if (!status.ok()) {
    server_->calls()->Refused(status);
    return client.connection.Answer(ToSelfResponse(status), now);
  }
  client.is_watch = call->is_watch;
  client.call = server_->Call(client.caller, *call, [this, id = client.id](std::string response) {
    MutexLock lock(mutex_);
    answers_.emplace_back(id, std::move(response));
    eventfd_write(wake_.get(), 1);
  });
}

void SelfSocket::CountConnections() const {
  server_->calls()->SetConnections(static_cast<int>(clients_.size()));
}

// The services write such lines for the calls that they refuse.
void SelfSocket::LogRefusal(const SelfCaller& caller, const absl::Status& status) {
  const std::optional<int> left_out = lines_.Spend(MonotonicNow());
  if (!left_out.has_value()) return;
  LogWarning("audit", LogFields()
                          .Word("method", "self")
                          .Text("by", Access::Self(caller.container).identity())
                          .Word("result", "PERMISSION_DENIED")
                          .Text("why", absl::StrCat(status.message(), LinesLeftOut(*left_out))));
}

bool SelfSocket::TakeAnswers() {
  eventfd_t count = 0;
  eventfd_read(wake_.get(), &count);
  std::vector<std::pair<uint64_t, std::string>> answers;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    answers.swap(answers_);
  }
  for (const auto& [id, response] : answers) {
    const auto client = std::find_if(clients_.begin(), clients_.end(),
                                     [id = id](const Client& each) { return each.id == id; });
    if (client == clients_.end()) continue;  // it has gone
    client->call = 0;
    if (!client->is_watch) limits_.End(client->caller.container.PodKey());
    if (client->connection.state() == SelfConnection::State::kEnded) continue;
    client->connection.Answer(response, MonotonicNow());
  }
  return true;
}

}  // namespace numalocality
