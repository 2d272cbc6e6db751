// One client's HTTP connection. No call blocks: each step does what is possible without waiting.
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
  // `fd` must be non-blocking. `end`: the connection's deadline, in the time of Clock::Monotonic.
  Connection(ScopedFd fd, absl::Duration end) : fd_(std::move(fd)), end_(end) {}

  int fd() const { return fd_.get(); }
  absl::Duration end() const { return end_; }
  // The poll(2) events that the next step waits for.
  short events() const;

  // One step, to be called when `fd` is ready for `events`: reads the request, sends the response
  // that `answer` returns for its head, or waits for the client to close. The head ends at the
  // empty line after the headers or later, and has at most 10 KiB. Returns false when the
  // connection is finished.
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
