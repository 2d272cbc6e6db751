#include "tests/integrity/process.h"

#include <signal.h>
#include <unistd.h>

#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include "tests/integrity/commands.h"
#include "tests/integrity/control.h"
#include "tests/integrity/fail.h"
#include "tests/integrity/memory.h"
#include "tests/integrity/pin.h"
#include "tests/integrity/worker.h"

namespace numalocality::integrity {
namespace {

// Contiguous slices, whose sizes differ by one page at most.
std::vector<Slice> CutSlices(const ProcessSpec& spec, size_t workers) {
  std::vector<Slice> slices;
  for (size_t i = 0; i < workers; ++i) {
    const size_t begin = spec.page_count * i / workers;
    const size_t end = spec.page_count * (i + 1) / workers;
    slices.push_back({.owner = spec.first_owner + static_cast<uint32_t>(i),
                      .first_page = spec.first_page + begin,
                      .page_count = end - begin});
  }
  return slices;
}

// Of each worker, in nanoseconds.
int64_t OperationInterval(const Options& options) {
  if (options.operations_per_second == 0) return 0;
  const size_t workers = options.workers * options.processes;
  return static_cast<int64_t>(1'000'000'000 * workers / options.operations_per_second);
}

void SendReady(int pipe, const ReadyMessage& message) {
  // Shorter than PIPE_BUF: written whole or not at all.
  if (write(pipe, &message, sizeof(message)) != sizeof(message)) {
    FailErrno("reporting to the supervisor that the memory is populated");
  }
  close(pipe);
}

// Handles signals until SIGTERM.
void ServeSignals(Commands& commands, const Report& report, const ProcessSpec& spec) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  for (int signal = 0; sigwait(&signals, &signal) == 0 && signal != SIGTERM;) {
    commands.CheckAll();
    report.Write(JsonLine("checked")
                     .Add("pid", getpid())
                     .Add("pages", spec.page_count)
                     .Add("mismatches", Sum(spec.tallies).all_mismatches));
  }
}

}  // namespace

void PopulateShared(const Options& options, const ProcessSpec& spec, const Report& report) {
  for (const Slice& slice : CutSlices(spec, options.workers)) {
    Worker(*spec.shared, slice, slice, spec.extent, spec.tallies[0], report).Populate();
  }
}

void RunProcess(const Options& options, const ProcessSpec& spec, const Report& report) {
  std::optional<Memory> own;
  if (spec.shared == nullptr) own.emplace(spec.page_count, options.huge_pages, Sharing::kNone);
  Memory& memory = own ? *own : *spec.shared;
  if (!own) memory.MapAll();
  if (!options.mapped_file.empty()) MapFile(options.mapped_file);
  const std::vector<Slice> slices = CutSlices(spec, options.workers);
  const int64_t interval_ns = OperationInterval(options);
  Commands commands(options.workers);
  std::latch populated(static_cast<ptrdiff_t>(options.workers));
  std::latch start(1);

  std::vector<std::jthread> workers;
  for (size_t i = 0; i < options.workers; ++i) {
    workers.emplace_back([&, i] {
      const Slice& peer = slices[(i + 1) % slices.size()];
      Worker worker(memory, slices[i], peer, spec.extent, spec.tallies[i], report);
      if (own) worker.Populate();
      populated.count_down();
      start.wait();
      worker.Run(commands, options.idle, interval_ns);
    });
  }
  populated.wait();
  const size_t pinned_pages = options.pin_every == 0 ? 0 : PinPages(memory, options.pin_every);
  // From now on operations are due: a worker that never starts its first one shows as a gap.
  for (Tally& tally : spec.tallies) tally.last_operation_ns = options.idle ? 0 : NowNs();
  SendReady(spec.ready_pipe, {.pid = getpid(),
                              .start = memory.page(spec.first_page),
                              .end = memory.page(spec.first_page + spec.page_count),
                              .pinned_pages = pinned_pages});
  start.count_down();

  std::optional<std::jthread> control;
  if (spec.runs_control) {
    control.emplace(
        [&](const std::stop_token& stop) { RunControl(*options.control, memory, stop); });
  }
  ServeSignals(commands, report, spec);
  control.reset();  // asks it to stop, and joins
  commands.Stop();
}

}  // namespace numalocality::integrity
