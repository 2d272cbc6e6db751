// A process kept still by ptrace(2): the one way whose effect the kernel itself ends when the
// holder dies.
//
// What the process can notice:
// * Time, and nothing else, in user code and in most system calls, which the kernel resumes. Those
//   that fail with EINTR after a stop, as they do after SIGSTOP and SIGCONT (signal(7)), do so
//   here: epoll_wait, semop and semtimedop, sigtimedwait and sigwaitinfo, io_getevents, and calls
//   on a socket that has a timeout (SO_RCVTIMEO, SO_SNDTIMEO).
// * No signal is lost or repeated, whether the hold ends as it should or by the holder's death. A
//   process stopped by SIGSTOP stays stopped.
// * A set-user-ID program that it executes in the microseconds in which it is being stopped gains
//   no privilege if the holder lacks CAP_SYS_PTRACE (execve(2)).
#ifndef NUMALOCALITY_AGENT_OS_ACT_PTRACE_HOLD_H_
#define NUMALOCALITY_AGENT_OS_ACT_PTRACE_HOLD_H_

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Contract: KernelCalls::HoldProcess. Threads that wait for a device are looked for first, and
// nothing is stopped while there are any. If one begins such a wait while it is being stopped and
// does not end it within `timeout`, the others are let go at once; this one can be let go only when
// its wait ends, and so long the call lasts. Do not wait for the process while holding it, not for
// a file it has locked either; and let threads that hold end with the migration: a first thread
// that exits while it is being stopped, the others going on, is let go by that only.
absl::StatusOr<std::unique_ptr<ProcessHold>> PtraceHold(pid_t pid, int max_threads,
                                                        absl::Duration timeout);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_PTRACE_HOLD_H_
