// One thread of another process, as ptrace(2), waitid(2) and proc(5) show it to the one that traces
// it, or is about to. Every answer is of this moment: ids come to name other threads when a process
// executes another program.
#ifndef NUMALOCALITY_AGENT_OS_ACT_TRACED_THREAD_H_
#define NUMALOCALITY_AGENT_OS_ACT_TRACED_THREAD_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace numalocality {

// A thread belongs to its tracer, a thread as well: use on one only.
class TracedThread {
 public:
  TracedThread(pid_t pid, pid_t tid) : pid_(pid), tid_(tid) {}

  // Begins to trace it, and asks it to stop. False if it has exited. FAILED_PRECONDITION if it is
  // traced already (by the caller is fine if `again`: it may have changed its id),
  // PERMISSION_DENIED, or as ErrnoStatus has it.
  absl::StatusOr<bool> Seize(bool again) const;

  // Stands still, having been seized.
  bool IsStopped() const;

  // Ends the tracing of a thread that is stopped or has exited; true if there is none any more,
  // false if it must stop first. `keep_exit` leaves the exit of a process for its parent to see
  // where that is this process.
  bool LetGo(bool keep_exit) const;

  bool HasExited() const;

  // For a thread in uninterruptible sleep, something that is another with each sleep; "" for
  // others.
  std::string Sleep() const;

 private:
  absl::StatusOr<bool> TrySeize(bool again) const;
  std::string ReadProc(const std::string& name) const;  // "" if it is gone
  char State() const;                                   // letter of proc(5); 'X' if it is gone
  pid_t Tracer() const;                                 // 0 if there is none

  pid_t pid_;
  pid_t tid_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_TRACED_THREAD_H_
