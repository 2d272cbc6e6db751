#include "agent/os/act/traced_thread.h"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {
namespace {

struct Glance {
  enum { kRunning, kStopped, kExited, kNotTraced } state;
  int signal = 0;  // that it was about to receive when it stopped; 0 if it stopped without one
};

// Takes no stop off the kernel's books (WNOWAIT): so it can be asked again at any time, and the
// signal that a thread was about to receive stays with it even if the tracer is killed.
Glance GlanceAt(pid_t tid) {
  siginfo_t info{};
  constexpr int kOptions = WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL;
  while (waitid(P_PID, static_cast<id_t>(tid), &info, kOptions) != 0) {
    if (errno != EINTR) return {Glance::kNotTraced};
  }
  if (info.si_pid == 0) return {Glance::kRunning};
  if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) return {Glance::kExited};
  // An event: the stop that was asked for, or that of SIGSTOP, which the kernel itself renews.
  const bool is_event = info.si_status >> 8 == PTRACE_EVENT_STOP;
  return {Glance::kStopped, is_event ? 0 : info.si_status & 0xff};
}

}  // namespace

absl::StatusOr<bool> TracedThread::Seize(bool again) const {
  absl::StatusOr<bool> seized = TrySeize(again);
  // Again, since the id of a thread that is exiting (EPERM) may the next moment be that of one that
  // executes another program.
  for (int i = 0; i < 2 && absl::IsPermissionDenied(seized.status()); ++i) seized = TrySeize(again);
  if (!seized.ok() || !*seized) return seized;
  // ESRCH: it has exited since; a glance will tell.
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
  return absl::PermissionDeniedError(absl::StrCat(
      what,
      ": takes CAP_SYS_PTRACE (or, for processes of one's own user, "
      "kernel.yama.ptrace_scope=0), and a seccomp filter that lets ptrace(2) through"));
}

bool TracedThread::IsStopped() const { return GlanceAt(tid_).state == Glance::kStopped; }

bool TracedThread::LetGo(bool keep_exit) const {
  const Glance glance = GlanceAt(tid_);
  if (glance.state == Glance::kNotTraced) return true;
  if (glance.state == Glance::kExited) {
    // Its parent learns of its exit once the tracer has.
    siginfo_t info{};
    if (!keep_exit) waitid(P_PID, static_cast<id_t>(tid_), &info, WEXITED | WNOHANG | __WALL);
    return true;
  }
  if (glance.state == Glance::kStopped) {
    const auto signal = reinterpret_cast<void*>(static_cast<intptr_t>(glance.signal));
    if (ptrace(PTRACE_DETACH, tid_, nullptr, signal) == 0) return true;
  }
  if (Tracer() != gettid()) return true;  // a child of one's own is seen running, traced or not
  // It may have executed a program, and changed its id, between being seized and interrupted.
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

}  // namespace numalocality
