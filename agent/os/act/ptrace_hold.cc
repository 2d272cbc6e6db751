#include "agent/os/act/ptrace_hold.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/status.h"
#include "agent/os/act/traced_thread.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// A process that is killed while it is held takes this long at most to free its memory.
constexpr absl::Duration kLongestDeath = absl::Seconds(10);

// Pauses between looks at something that takes microseconds on an idle machine.
class Patience {
 public:
  explicit Patience(absl::Duration deadline) : deadline_(deadline) {}

  bool exhausted() const { return Clock::System().Monotonic() >= deadline_; }
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
  // Waits until every thread that is in uninterruptible sleep now has come out of it once: one
  // that does not is waiting for something that may never come.
  absl::Status AwaitSleepers(absl::Duration deadline) const;
  // Seizes the threads that are new. True if there are none, and all stand still.
  absl::StatusOr<bool> Round(int max_threads);

  TracedThread Thread(pid_t tid) const { return TracedThread(pid_, tid); }
  bool LetGo(pid_t tid) const { return Thread(tid).LetGo(is_own_child_ && tid == pid_); }

  const pid_t pid_;
  const bool is_own_child_;
  std::set<pid_t> seized_;
};

PtracedProcess::~PtracedProcess() {
  Patience patience(Clock::System().Monotonic() + kLongestDeath);
  // A seized thread that executes another program takes this id over.
  if (!seized_.empty()) seized_.insert(pid_);
  while (true) {
    std::erase_if(seized_, [this](pid_t tid) { return LetGo(tid); });
    if (seized_.empty()) return;
    // A first thread that has exited can be let go when the others have, too. Either all of them
    // are dying, or it alone ended and the others go on: then its tracer's end lets it go.
    if (patience.exhausted() && seized_ == std::set{pid_} && Thread(pid_).HasExited()) return;
    patience.Wait();
  }
}

absl::Status PtracedProcess::Stop(int max_threads, absl::Duration timeout) {
  const absl::Duration deadline = Clock::System().Monotonic() + timeout;
  NL_RETURN_IF_ERROR(AwaitSleepers(deadline));
  Patience patience(deadline);
  // Threads that were found still cannot have made the threads that a later look finds; so two
  // looks in a row that find nothing new, and nothing moving, have seen all of them.
  for (int still_rounds = 0; still_rounds < 2;) {
    NL_ASSIGN_OR_RETURN(const bool still, Round(max_threads));
    still_rounds = still ? still_rounds + 1 : 0;
    if (still) continue;
    if (patience.exhausted()) {
      return absl::DeadlineExceededError(
          absl::StrCat("hold process ", pid_, ": not all of its ", seized_.size(),
                       " threads have stopped within ", absl::FormatDuration(timeout),
                       "; the machine is overloaded, or they wait for a device"));
    }
    patience.Wait();
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
  Patience patience(deadline);
  while (true) {
    std::erase_if(sleeps, [this](const auto& entry) {
      const auto& [tid, sleep] = entry;
      return sleep.empty() || Thread(tid).Sleep() != sleep;
    });
    if (sleeps.empty()) return absl::OkStatus();
    if (patience.exhausted()) {
      const pid_t tid = sleeps.begin()->first;
      return absl::DeadlineExceededError(absl::StrCat(
          "hold process ", pid_, ": its thread ", tid,
          " cannot be stopped while it waits for a device, a network file system, or a child that "
          "it has vforked (see /proc/",
          tid, "/wchan); try again when that has ended"));
    }
    patience.Wait();
  }
}

absl::StatusOr<bool> PtracedProcess::Round(int max_threads) {
  NL_ASSIGN_OR_RETURN(const std::vector<pid_t> threads, ListThreads());
  if (threads.size() > static_cast<size_t>(max_threads)) {
    return absl::FailedPreconditionError(
        absl::StrCat("hold process ", pid_, ": it has ", threads.size(), " threads, more than ",
                     max_threads, ", and to stop and start them would take too long"));
  }
  bool still = true;
  int alive = 0;
  for (const pid_t tid : threads) {
    if (!seized_.contains(tid)) {
      const bool again = !seized_.empty();  // a thread that executes a program takes an id over
      NL_ASSIGN_OR_RETURN(const bool seized, Thread(tid).Seize(again));
      if (!seized) continue;  // it has exited
      seized_.insert(tid);
    } else if (Thread(tid).IsStopped()) {
      ++alive;
      continue;
    } else if (LetGo(tid)) {
      // It has exited; or the process has executed another program, and this id names another
      // thread now.
      seized_.erase(tid);
    }
    // A first thread that exits before the others says so in proc only.
    if (tid == pid_ && Thread(tid).HasExited()) continue;
    ++alive;
    still = false;
  }
  if (alive > 0) return still;
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
        absl::StrCat("hold process ", pid, ": it is the one that would hold"));
  }
  auto hold = std::make_unique<PtracedProcess>(pid);
  NL_RETURN_IF_ERROR(hold->Stop(max_threads, timeout));
  return hold;
}

}  // namespace numalocality
