#include "agent/os/act/ptrace_hold.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {
namespace {

// The state of a traced thread, from waitid(2).
struct WaitState {
  enum { kRunning, kStopped, kExited, kNotTraced } state;
  int signal = 0;  // the signal it was about to receive when it stopped; 0 if there was none
  bool is_job_stop = false;  // a stop signal has stopped its process, too
};

// Leaves the stop in a waitable state (WNOWAIT). So the state can be read again at any time, and
// the signal that the thread was about to receive is not lost, even if the tracer is killed.
WaitState ReadWaitState(pid_t tid) {
  siginfo_t info{};
  constexpr int kOptions = WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL;
  while (waitid(P_PID, static_cast<id_t>(tid), &info, kOptions) != 0) {
    if (errno != EINTR) return {WaitState::kNotTraced};
  }
  if (info.si_pid == 0) return {WaitState::kRunning};
  if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) return {WaitState::kExited};
  // PTRACE_EVENT_STOP is the requested stop, or a stop by SIGSTOP, which the kernel renews itself.
  const bool is_event = info.si_status >> 8 == PTRACE_EVENT_STOP;
  const int signal = info.si_status & 0xff;
  return {WaitState::kStopped, is_event ? 0 : signal, is_event && signal != SIGTRAP};
}

// One thread of the process to hold, as ptrace(2), waitid(2) and proc(5) show it to its tracer.
// Each answer is valid only at the time of the call: when a process executes another program,
// thread ids may name other threads. The kernel ties tracing to the tracing thread, not to its
// process: use all methods on one thread.
class TracedThread {
 public:
  TracedThread(pid_t pid, pid_t tid) : pid_(pid), tid_(tid) {}

  // Begins to trace the thread and asks it to stop. False if it has exited. FAILED_PRECONDITION if
  // it is already traced (with `again`, tracing by the caller is no error: the thread may have
  // changed its id); PERMISSION_DENIED, or as ErrnoStatus maps errno.
  absl::StatusOr<bool> Seize(bool again) const;

  // Whether the seized thread has stopped; whether that is because a signal stopped its process.
  bool IsStopped() const;
  bool IsJobStopped() const;

  // Ends the tracing of a thread that has stopped or exited. True if the thread is no longer
  // traced, false if it must stop first. With `keep_exit` the exit of a process remains for its
  // parent to collect: needed if this program is the parent.
  bool Detach(bool keep_exit) const;

  bool HasExited() const;

  // Whether the thread wants to run on a CPU, also if it only wants to stop there.
  bool IsRunnable() const { return State() == 'R'; }

  // The time that the thread has run so far; 0 if the kernel does not report it.
  absl::Duration CpuTime() const;

  // A text that identifies the current uninterruptible sleep of the thread, different for each
  // sleep; "" if it is in another state.
  std::string Sleep() const;

 private:
  absl::StatusOr<bool> TrySeize(bool again) const;
  std::string ReadProc(const std::string& name) const;  // "" if the thread has exited
  char State() const;                                   // letter of proc(5); 'X' if it has exited
  pid_t Tracer() const;                                 // 0 if it has none

  pid_t pid_;
  pid_t tid_;
};

absl::StatusOr<bool> TracedThread::Seize(bool again) const {
  absl::StatusOr<bool> seized = TrySeize(again);
  // Retried because EPERM may mean that the thread is exiting, and its id may then pass to a thread
  // that executes another program.
  for (int i = 0; i < 2 && absl::IsPermissionDenied(seized.status()); ++i) seized = TrySeize(again);
  if (!seized.ok() || !*seized) return seized;
  // ESRCH: it has exited since, which ReadWaitState will show.
  if (ptrace(PTRACE_INTERRUPT, tid_, nullptr, nullptr) == 0 || errno == ESRCH) return true;
  return ErrnoStatus(errno, absl::StrCat("hold process ", pid_, ": interrupt thread ", tid_));
}

absl::StatusOr<bool> TracedThread::TrySeize(bool again) const {
  if (ptrace(PTRACE_SEIZE, tid_, nullptr, nullptr) == 0) return true;
  const int error = errno;
  if (error == ESRCH || HasExited()) return false;
  const std::string what = absl::StrCat("hold process ", pid_);
  const pid_t tracer = Tracer();
  if (again && tracer == gettid()) return true;
  if (tracer != 0) {
    return absl::FailedPreconditionError(absl::StrCat(what, ": it is traced already, by thread ",
                                                      tracer,
                                                      ": a debugger, strace or another hold"));
  }
  if (error != EPERM) return ErrnoStatus(error, what);
  return absl::PermissionDeniedError(
      absl::StrCat(what,
                   ": needs CAP_SYS_PTRACE (or, for processes of the same user, "
                   "kernel.yama.ptrace_scope=0) and a seccomp filter that allows ptrace(2)"));
}

bool TracedThread::IsStopped() const { return ReadWaitState(tid_).state == WaitState::kStopped; }

bool TracedThread::IsJobStopped() const { return ReadWaitState(tid_).is_job_stop; }

bool TracedThread::Detach(bool keep_exit) const {
  const WaitState found = ReadWaitState(tid_);
  if (found.state == WaitState::kNotTraced) return true;
  if (found.state == WaitState::kExited) {
    // The kernel notifies the parent of the exit only after the tracer has collected it.
    siginfo_t info{};
    if (!keep_exit) waitid(P_PID, static_cast<id_t>(tid_), &info, WEXITED | WNOHANG | __WALL);
    return true;
  }
  if (found.state == WaitState::kStopped) {
    const auto signal = reinterpret_cast<void*>(static_cast<intptr_t>(found.signal));
    if (ptrace(PTRACE_DETACH, tid_, nullptr, signal) == 0) return true;
  }
  // waitid reports a child of this program as running, whether it is traced or not.
  if (Tracer() != gettid()) return true;
  // It may have executed a program, and so changed its id, after PTRACE_SEIZE and before
  // PTRACE_INTERRUPT.
  ptrace(PTRACE_INTERRUPT, tid_, nullptr, nullptr);
  return false;
}

bool TracedThread::HasExited() const {
  const char state = State();
  return state == 'Z' || state == 'X';
}

std::string TracedThread::Sleep() const {
  if (State() != 'D') return "";
  const std::string status = ReadProc("status");
  return status.substr(std::min(status.find("\nvoluntary_ctxt_switches:"), status.size()));
}

absl::Duration TracedThread::CpuTime() const {
  const std::string schedstat = ReadProc("schedstat");  // its first number: nanoseconds
  int64_t nanoseconds = 0;
  const bool is_known = absl::SimpleAtoi(schedstat.substr(0, schedstat.find(' ')), &nanoseconds);
  return is_known ? absl::Nanoseconds(nanoseconds) : absl::ZeroDuration();
}

std::string TracedThread::ReadProc(const std::string& name) const {
  return ReadFile(absl::StrCat("/proc/", pid_, "/task/", tid_, "/", name)).value_or("");
}

char TracedThread::State() const {
  const auto stat = ParseStat(ReadProc("stat"));
  return stat.ok() ? stat->state : 'X';
}

pid_t TracedThread::Tracer() const {
  const std::string key = "\nTracerPid:\t";
  const std::string status = ReadProc("status");
  const size_t found = status.find(key);
  return found == std::string::npos ? 0 : std::atoi(status.c_str() + found + key.size());
}

// The longest that a release takes. A process can prevent it: its thread sleeps for ever in vfork.
constexpr absl::Duration kLongestRelease = absl::Seconds(1);

// The longest that a process that a signal had stopped takes to stop again after a hold, however
// busy the machine is.
constexpr absl::Duration kLongestReturn = absl::Seconds(1);

// More CPU time than stopping takes, also in a virtual machine whose CPUs wait for those of its
// host: the thread was continued.
constexpr absl::Duration kLongestStop = absl::Milliseconds(50);

// Pauses between checks of a condition that is met within microseconds on an idle machine.
class Polling {
 public:
  explicit Polling(absl::Duration deadline) : deadline_(deadline) {}

  bool expired() const { return Clock::System().Monotonic() >= deadline_; }
  void Wait() {
    Clock::System().Sleep(pause_);
    pause_ = std::min(2 * pause_, absl::Milliseconds(1));
  }

 private:
  const absl::Duration deadline_;  // monotonic
  absl::Duration pause_ = absl::Microseconds(20);
};

bool IsOwnChild(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

class PtracedProcess final : public ProcessHold {
 public:
  explicit PtracedProcess(pid_t pid) : pid_(pid), is_own_child_(IsOwnChild(pid)) {}
  ~PtracedProcess() override;
  PtracedProcess(const PtracedProcess&) = delete;
  PtracedProcess& operator=(const PtracedProcess&) = delete;

  absl::Status Stop(int max_threads, absl::Duration timeout);

 private:
  absl::StatusOr<std::vector<pid_t>> ListThreads() const;
  // Waits until every thread that is now in uninterruptible sleep has left it once. A thread that
  // does not may wait forever, and cannot be stopped.
  absl::Status AwaitSleepers(absl::Duration deadline) const;
  // What a look at all threads found.
  struct Threads {
    bool some_are_new = false;
    bool some_are_running = false;
  };
  // Seizes the threads that are new.
  absl::StatusOr<Threads> Look(int max_threads);
  // Waits until threads that a signal had stopped before the hold have stopped again: they need a
  // CPU for that, and the next hold would have to wait for it.
  static void AwaitReturn(const std::vector<TracedThread>& threads);

  TracedThread Thread(pid_t tid) const { return TracedThread(pid_, tid); }
  bool Detach(pid_t tid) const { return Thread(tid).Detach(is_own_child_ && tid == pid_); }

  const pid_t pid_;
  const bool is_own_child_;
  std::set<pid_t> seized_;
};

PtracedProcess::~PtracedProcess() {
  Polling polling(Clock::System().Monotonic() + kLongestRelease);
  std::vector<TracedThread> job_stopped;
  for (const pid_t tid : seized_) {
    if (Thread(tid).IsJobStopped()) job_stopped.push_back(Thread(tid));
  }
  // A seized thread that executes another program takes over the id of the first thread.
  if (!seized_.empty()) seized_.insert(pid_);
  while (true) {
    std::erase_if(seized_, [this](pid_t tid) { return Detach(tid); });
    if (seized_.empty()) {
      AwaitReturn(job_stopped);
      return;
    }
    // The kernel detaches the others when the tracer exits. A first thread that has exited can be
    // detached only after all others have exited.
    if (polling.expired()) return;
    polling.Wait();
  }
}

void PtracedProcess::AwaitReturn(const std::vector<TracedThread>& threads) {
  std::vector<std::pair<TracedThread, absl::Duration>> returning;  // and their CPU time until now
  for (const TracedThread& thread : threads) returning.emplace_back(thread, thread.CpuTime());
  Polling polling(Clock::System().Monotonic() + kLongestReturn);
  while (!polling.expired()) {
    std::erase_if(returning, [](const auto& entry) {
      const auto& [thread, cpu_time] = entry;
      return !thread.IsRunnable() || thread.CpuTime() - cpu_time > kLongestStop;
    });
    if (returning.empty()) return;
    polling.Wait();
  }
}

absl::Status PtracedProcess::Stop(int max_threads, absl::Duration timeout) {
  const absl::Duration deadline = Clock::System().Monotonic() + timeout;
  NL_RETURN_IF_ERROR(AwaitSleepers(deadline));
  Polling polling(deadline);
  // A thread that was stopped at one look cannot have created a thread that the next look finds.
  // So two looks in a row that find no new and no running thread have seen all threads.
  for (int still_looks = 0; still_looks < 2;) {
    NL_ASSIGN_OR_RETURN(const Threads found, Look(max_threads));
    const bool is_still = !found.some_are_new && !found.some_are_running;
    still_looks = is_still ? still_looks + 1 : 0;
    // Threads that a signal has stopped before are stopped as soon as they are seized.
    if (!found.some_are_running) continue;
    if (polling.expired()) {
      return absl::DeadlineExceededError(
          absl::StrCat("hold process ", pid_, ": not all of its ", seized_.size(),
                       " threads have stopped within ", absl::FormatDuration(timeout),
                       "; the machine is overloaded, or a thread waits for a device"));
    }
    polling.Wait();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<pid_t>> PtracedProcess::ListThreads() const {
  const auto entries = ListDirectory(AT_FDCWD, absl::StrCat("/proc/", pid_, "/task"));
  if (!entries.ok()) return WithContext(entries.status(), absl::StrCat("hold process ", pid_));
  std::vector<pid_t> threads;
  for (const DirectoryEntry& entry : *entries) {
    pid_t tid = 0;
    if (absl::SimpleAtoi(entry.name, &tid)) threads.push_back(tid);
  }
  return threads;
}

absl::Status PtracedProcess::AwaitSleepers(absl::Duration deadline) const {
  NL_ASSIGN_OR_RETURN(const std::vector<pid_t> threads, ListThreads());
  std::map<pid_t, std::string> sleeps;
  for (const pid_t tid : threads) sleeps[tid] = Thread(tid).Sleep();
  Polling polling(deadline);
  while (true) {
    std::erase_if(sleeps, [this](const auto& entry) {
      const auto& [tid, sleep] = entry;
      return sleep.empty() || Thread(tid).Sleep() != sleep;
    });
    if (sleeps.empty()) return absl::OkStatus();
    if (polling.expired()) {
      const pid_t tid = sleeps.begin()->first;
      return absl::DeadlineExceededError(absl::StrCat(
          "hold process ", pid_, ": its thread ", tid,
          " cannot be stopped while it waits for a device, a network file system, or a child "
          "created by vfork (see /proc/",
          tid, "/wchan); try again when the wait has ended"));
    }
    polling.Wait();
  }
}

absl::StatusOr<PtracedProcess::Threads> PtracedProcess::Look(int max_threads) {
  NL_ASSIGN_OR_RETURN(const std::vector<pid_t> threads, ListThreads());
  if (threads.size() > static_cast<size_t>(max_threads)) {
    return absl::FailedPreconditionError(
        absl::StrCat("hold process ", pid_, ": it has ", threads.size(), " threads, more than ",
                     max_threads, "; stopping and resuming them would take too long"));
  }
  Threads found;
  int alive = 0;
  for (const pid_t tid : threads) {
    const bool is_new = !seized_.contains(tid);
    if (is_new) {
      // A seized thread that executes a program takes over another id.
      const bool again = !seized_.empty();
      NL_ASSIGN_OR_RETURN(const bool seized, Thread(tid).Seize(again));
      if (!seized) continue;  // it has exited
      seized_.insert(tid);
      found.some_are_new = true;
    }
    if (Thread(tid).IsStopped()) {
      ++alive;
      continue;
    }
    if (!is_new && Detach(tid)) {
      // The thread has exited; or the process has executed another program, and the id now names
      // another thread.
      seized_.erase(tid);
    }
    // If the first thread exits before the others, only procfs shows it.
    if (tid == pid_ && Thread(tid).HasExited()) continue;
    ++alive;
    found.some_are_running = true;
  }
  if (alive > 0) return found;
  return absl::NotFoundError(absl::StrCat("hold process ", pid_, ": it has exited"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessHold>> PtraceHold(pid_t pid, int max_threads,
                                                        absl::Duration timeout) {
  if (pid <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("hold process ", pid, ": not a PID"));
  }
  if (pid == getpid()) {
    return absl::FailedPreconditionError(
        absl::StrCat("hold process ", pid, ": a process cannot hold itself"));
  }
  auto hold = std::make_unique<PtracedProcess>(pid);
  NL_RETURN_IF_ERROR(hold->Stop(max_threads, timeout));
  return hold;
}

}  // namespace numalocality
