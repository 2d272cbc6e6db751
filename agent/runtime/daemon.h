// Calls to another daemon of this node that serves gRPC on a unix socket without TLS. Methods are
// called by name, because generated stubs would use this project's package name for services of
// other projects.
#ifndef NUMALOCALITY_AGENT_RUNTIME_DAEMON_H_
#define NUMALOCALITY_AGENT_RUNTIME_DAEMON_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace numalocality {

// A channel to the unix socket at `path` that shares its connection with no other channel. It
// connects at the first call. Accepts responses of up to 16 MiB, as kubelet does,
// and as containerd sends at most: a longer list also stops kubelet. Beyond that a call fails with
// RESOURCE_EXHAUSTED.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& path);

// Thread-safe.
class Daemon {
 public:
  // `name` appears in error messages; `service` is the full name of the gRPC service.
  Daemon(std::string name, std::string socket, std::string service);

  // Calls `method` and waits for the response. Opens a new connection for each call: a daemon that
  // has restarted is reached immediately, and no connection stays open between calls. UNAVAILABLE
  // if no process listens, DEADLINE_EXCEEDED after `timeout`, CANCELLED after Cancel; otherwise the
  // daemon's own status and message.
  absl::Status Call(absl::string_view method, const google::protobuf::MessageLite& request,
                    google::protobuf::MessageLite& response, absl::Duration timeout) const;

  // Cancels the current calls and all later ones.
  void Cancel() { is_cancelled_ = true; }

  const std::string& socket() const { return socket_; }

 private:
  const std::string name_;
  const std::string socket_;
  const std::string service_;
  std::atomic<bool> is_cancelled_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_DAEMON_H_
