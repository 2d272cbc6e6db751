// One client's connection. Nothing here waits: each step does what can be done now.
#ifndef NUMALOCALITY_AGENT_HTTP_CONNECTION_H_
#define NUMALOCALITY_AGENT_HTTP_CONNECTION_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/os/base/file.h"

namespace numalocality {

class Connection {
 public:
  // `fd` must not block. `end`: when patience ends, as Clock::Monotonic.
  Connection(ScopedFd fd, absl::Duration end) : fd_(std::move(fd)), end_(end) {}

  int fd() const { return fd_.get(); }
  absl::Duration end() const { return end_; }
  // Of poll(2): what the next step waits for.
  short events() const;

  // One step, when `fd` is ready for `events`: takes in the request, sends what `answer` makes of
  // its head, waits for the client to close. The head goes up to the empty line after the headers,
  // or somewhat further, and has 10 KiB at most. Returns false once nothing is left to do.
  bool Step(absl::FunctionRef<std::string(absl::string_view head)> answer);

 private:
  enum class State { kReading, kAnswering, kClosing };

  bool Read(absl::FunctionRef<std::string(absl::string_view head)> answer);
  bool Answer();
  bool AwaitClose();

  ScopedFd fd_;
  absl::Duration end_;
  State state_ = State::kReading;
  std::string text_;  // the head, then the answer
  size_t sent_ = 0;
  size_t ignored_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_HTTP_CONNECTION_H_
