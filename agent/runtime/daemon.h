// Calls to another daemon of this node, which serves gRPC on a unix socket without TLS. Methods are
// called by name: stubs would carry this project's names for services that are not its own.
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

// A connection of its own to the unix socket at `path`, made with the first call. Takes answers of
// up to 16 MiB, as kubelet does.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& path);

// Thread-safe.
class Daemon {
 public:
  // `name` is for messages, `service` what it is called on the wire.
  Daemon(std::string name, std::string socket, std::string service);

  // Calls `method` and waits for its answer. Connects anew each time: a daemon that has come back
  // is found at once, and nothing is kept open in between. UNAVAILABLE if nobody listens,
  // DEADLINE_EXCEEDED after `timeout`, CANCELLED after Cancel, else as the daemon says, in its own
  // words.
  absl::Status Call(absl::string_view method, const google::protobuf::MessageLite& request,
                    google::protobuf::MessageLite& response, absl::Duration timeout) const;

  // Ends calls under way and those to come.
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
