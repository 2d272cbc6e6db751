// Holds a process still by ptrace(2). Unlike a stop by the cgroup freezer or SIGSTOP, a hold ends
// by itself when the holder dies.
//
// What the held process can notice:
// * In user code and in most system calls, which the kernel resumes, it loses time and nothing
//   else. System calls that fail with EINTR after SIGSTOP and SIGCONT (signal(7)) also fail after a
//   hold: epoll_wait, semop and semtimedop, sigtimedwait and sigwaitinfo, io_getevents, and calls
//   on a socket that has a timeout (SO_RCVTIMEO, SO_SNDTIMEO).
// * No signal is lost or repeated, whether the hold is released or the holder dies. A process that
//   was stopped by SIGSTOP remains stopped.
// * A set-user-ID program that the process executes in the microseconds in which it is being
//   stopped gains no privilege if the holder lacks CAP_SYS_PTRACE (execve(2)).
#ifndef NUMALOCALITY_AGENT_OS_ACT_PTRACE_HOLD_H_
#define NUMALOCALITY_AGENT_OS_ACT_PTRACE_HOLD_H_

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Implements KernelCalls::HoldProcess.
//
// Threads in uninterruptible sleep (waiting for a device, or for a child created by vfork) are
// awaited first; no thread is stopped before all have left it. If a thread begins such a sleep
// while it is being stopped and does not leave it within `timeout`, the other threads resume at
// once.
//
// Let the thread that holds exit after each hold. What has not been released within a second, only
// the exit of its tracer releases: a thread that sleeps uninterruptibly, and a first thread that
// exited while the others continue. While holding, do not wait for the process, nor for a file that
// it has locked.
absl::StatusOr<std::unique_ptr<ProcessHold>> PtraceHold(pid_t pid, int max_threads,
                                                        absl::Duration timeout);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_PTRACE_HOLD_H_
