#include "tests/integrity/supervisor.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/integrity/fail.h"

namespace numalocality::integrity {
namespace {

constexpr int64_t kProgressPeriodNs = 1'000'000'000;

double Milliseconds(int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

bool Crashed(int status) {
  return WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : WEXITSTATUS(status) != kExitClean;
}

}  // namespace

Supervisor::Supervisor(const Options& options, const Report& report)
    : options_(options),
      report_(report),
      tallies_(ShareTallies(options.processes * options.workers)),
      pids_(options.processes) {
  sigemptyset(&signals_);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGCHLD}) sigaddset(&signals_, signal);
  // Inherited by the children, who wait for SIGTERM and SIGUSR1, and leave SIGINT to this process.
  sigprocmask(SIG_BLOCK, &signals_, nullptr);
}

int Supervisor::Run() {
  Spawn();
  AwaitReady();
  Watch();
  return Finish();
}

void Supervisor::Spawn() {
  int ends[2];
  if (pipe(ends) != 0) FailErrno("opening a pipe to the processes");
  if (options_.sharing != Sharing::kNone) {
    shared_.emplace(options_.bytes / kPageBytes, options_.huge_pages, options_.sharing);
    for (size_t i = 0; i < pids_.size(); ++i) PopulateShared(options_, SpecOf(i, -1), report_);
  }
  for (size_t i = 0; i < pids_.size(); ++i) {
    const pid_t supervisor = getpid();
    pids_[i] = fork();
    if (pids_[i] < 0) FailErrno("--processes: fork of process " + std::to_string(i + 1));
    if (pids_[i] == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != supervisor) std::_Exit(kExitSetup);  // it died before the prctl
      close(ends[0]);
      RunProcess(options_, SpecOf(i, ends[1]), report_);
      std::_Exit(kExitClean);
    }
  }
  close(ends[1]);
  ready_pipe_ = ends[0];
}

ProcessSpec Supervisor::SpecOf(size_t process, int ready_pipe) {
  const size_t pages = options_.bytes / kPageBytes;
  const size_t most_pages = (pages + options_.processes - 1) / options_.processes;
  const size_t first_page = pages * process / options_.processes;
  const size_t end_page = pages * (process + 1) / options_.processes;
  const Extent extent = {.owners = static_cast<uint32_t>(tallies_.size()),
                         .slice_words = static_cast<uint32_t>(most_pages * kWordsPerPage)};
  return {.first_owner = static_cast<uint32_t>(process * options_.workers) + 1,
          .shared = shared_ ? &*shared_ : nullptr,
          .first_page = shared_ ? first_page : 0,
          .page_count = end_page - first_page,
          .extent = extent,
          .tallies = TalliesOf(process),
          .runs_control = options_.control && process == 0,
          .ready_pipe = ready_pipe};
}

void Supervisor::AwaitReady() {
  std::vector<ReadyMessage> messages;
  ReadyMessage message;
  while (read(ready_pipe_, &message, sizeof(message)) == sizeof(message)) {
    messages.push_back(message);
  }
  close(ready_pipe_);
  if (messages.size() != pids_.size()) {
    SignalAll(SIGKILL);
    Fail(std::to_string(pids_.size() - messages.size()) + " of " + std::to_string(pids_.size()) +
         " processes ended before their memory was populated");
  }
  ReportReady(messages);
}

void Supervisor::ReportReady(std::span<const ReadyMessage> messages) const {
  std::string pids;
  std::string regions;
  size_t pinned_pages = 0;
  for (const ReadyMessage& message : messages) {
    const std::string comma = pids.empty() ? "" : ",";
    const std::string pid = std::to_string(message.pid);
    pids += comma + pid;
    regions += comma + R"({"pid":)" + pid + R"(,"start":")" + Hex(message.start) + R"(","end":")" +
               Hex(message.end) + "\"}";
    pinned_pages += message.pinned_pages;
  }
  report_.Write(JsonLine("ready")
                    .AddJson("pids", "[" + pids + "]")
                    .Add("bytes", options_.bytes)
                    .Add("pinned_pages", pinned_pages)
                    .AddJson("regions", "[" + regions + "]"));
}

void Supervisor::Watch() {
  const int64_t start_ns = NowNs();
  const int64_t end_ns = start_ns + options_.seconds * kProgressPeriodNs;
  int64_t progress_ns = start_ns + kProgressPeriodNs;
  while (lost_processes_ < pids_.size()) {
    const int64_t now_ns = NowNs();
    if (options_.seconds != 0 && now_ns >= end_ns) return;
    if (now_ns >= progress_ns) {
      ReportProgress();
      progress_ns += kProgressPeriodNs;
      continue;
    }
    const int64_t wake_ns = options_.seconds == 0 ? progress_ns : std::min(progress_ns, end_ns);
    const timespec timeout = {.tv_sec = 0,
                              .tv_nsec = std::min<long>(wake_ns - now_ns, 999'999'999)};
    switch (sigtimedwait(&signals_, nullptr, &timeout)) {
      case SIGTERM:
      case SIGINT: return;
      case SIGUSR1: SignalAll(SIGUSR1); break;
      case SIGCHLD: Reap(WNOHANG, /*expected=*/false); break;
      default:  // the time is over
        break;
    }
  }
}

void Supervisor::ReportProgress() const {
  const Totals totals = Sum(tallies_);
  report_.Write(JsonLine("progress")
                    .Add("operations", totals.operations)
                    .Add("mismatches", totals.all_mismatches)
                    .Add("longest_gap_ms", Milliseconds(totals.longest_gap_ns))
                    .Add("lost_processes", lost_processes_));
}

int Supervisor::Finish() {
  SignalAll(SIGTERM);
  Reap(0, /*expected=*/true);
  const Totals totals = Sum(tallies_);
  JsonLine result("result");
  result.Add("operations", totals.operations).Add("mismatches", totals.all_mismatches);
  for (size_t i = 0; i < kFaultCount; ++i) result.Add(kFaultNames[i], totals.mismatches[i]);
  result.Add("longest_gap_ms", Milliseconds(totals.longest_gap_ns))
      .Add("lost_processes", lost_processes_)
      .Add("crashed_processes", crashed_processes_);
  report_.Write(result);
  // Every process checks all of its memory at the end: no operation at all means that none could.
  const bool checked = totals.operations > 0 && lost_processes_ < pids_.size();
  return checked && totals.all_mismatches == 0 && crashed_processes_ == 0 ? kExitClean
                                                                          : kExitMismatch;
}

void Supervisor::Reap(int waitpid_options, bool expected) {
  for (size_t i = 0; i < pids_.size(); ++i) {
    int status = 0;
    if (pids_[i] == 0 || waitpid(pids_[i], &status, waitpid_options) != pids_[i]) continue;
    pids_[i] = 0;
    const bool crashed = Crashed(status);
    crashed_processes_ += crashed ? 1 : 0;
    lost_processes_ += crashed || WIFSIGNALED(status) || !expected ? 1 : 0;
    // A process that has ended has no gap that still lasts.
    for (Tally& tally : TalliesOf(i)) tally.last_operation_ns = 0;
  }
}

void Supervisor::SignalAll(int signal) const {
  for (const pid_t pid : pids_) {
    if (pid > 0) kill(pid, signal);
  }
}

std::span<Tally> Supervisor::TalliesOf(size_t process) const {
  return tallies_.subspan(process * options_.workers, options_.workers);
}

}  // namespace numalocality::integrity
