// One connection to the self socket: a request, then a response, each behind its length in four
// bytes (see self.proto). No call blocks: each step does what is possible without waiting.
#ifndef NUMALOCALITY_AGENT_RPC_SELF_CONNECTION_H_
#define NUMALOCALITY_AGENT_RPC_SELF_CONNECTION_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/os/base/file.h"

namespace numalocality {

class SelfConnection {
 public:
  // The largest request. A request has some hundred bytes, and up to a few thousand ranges.
  static constexpr size_t kMaxRequestBytes = size_t{64} << 10;
  // To send the request, and to read the response.
  static constexpr absl::Duration kPatience = absl::Seconds(5);

  enum class State { kReading, kCalling, kAnswering, kEnded };

  // `fd` must be non-blocking. Times are monotonic.
  SelfConnection(ScopedFd fd, absl::Duration now) : fd_(std::move(fd)), end_(now + kPatience) {}

  int fd() const { return fd_.get(); }
  State state() const { return state_; }
  // When End is due; InfiniteDuration during the call and after the end.
  absl::Duration end() const { return end_; }
  // The poll(2) events that the next step waits for.
  short events() const;

  // One step, to be called when `fd` is ready. Returns the request once it is whole.
  std::optional<std::string> Step();
  // Begins to send the response, serialized.
  void Answer(absl::string_view response, absl::Duration now);
  // Closes the connection.
  void End();

 private:
  std::optional<std::string> Read();
  void Write();

  ScopedFd fd_;
  absl::Duration end_;
  State state_ = State::kReading;
  std::string text_;  // length and request, then length and response
  size_t sent_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SELF_CONNECTION_H_
