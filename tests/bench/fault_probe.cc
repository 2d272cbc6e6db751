// bench-faults: a process that has nothing to do with any migration, and measures its own page
// faults. It takes commands on standard input, as bench-workload does.
#include <sys/mman.h>

#include <atomic>
#include <iostream>
#include <string>
#include <thread>

#include "tests/bench/durations.h"
#include "tests/bench/ticks.h"
#include "tests/integrity/fail.h"
#include "tests/integrity/report.h"
#include "tests/integrity/word.h"

namespace numalocality::bench {
namespace {

using integrity::Fail;
using integrity::FailErrno;
using integrity::JsonLine;
using integrity::kPageBytes;

constexpr size_t kBytes = size_t{4} << 20;

// Touches fresh pages, one after the other, over and over.
void Fault(const std::stop_token& stop, Durations& faults) {
  while (!stop.stop_requested()) {
    void* memory =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) FailErrno("mmap");
    madvise(memory, kBytes, MADV_NOHUGEPAGE);
    for (size_t offset = 0; offset < kBytes; offset += kPageBytes) {
      const uint64_t start = Ticks();
      static_cast<volatile char*>(memory)[offset] = 1;
      faults.Add(Ticks() - start);
    }
    munmap(memory, kBytes);
  }
}

}  // namespace
}  // namespace numalocality::bench

int main() {
  using namespace numalocality::bench;  // NOLINT(google-build-using-namespace): main cannot be
                                        // inside
  const double microseconds_per_tick = MicrosecondsPerTick();
  Durations faults;
  std::jthread thread;
  std::cout << JsonLine("ready").Line() << std::flush;
  for (std::string command; std::getline(std::cin, command);) {
    if (command == "measure") {
      faults = {};
      thread = std::jthread([&](const std::stop_token& stop) { Fault(stop, faults); });
      std::cout << JsonLine("measuring").Line() << std::flush;
    } else if (command == "report") {
      thread.request_stop();
      thread.join();
      const auto microseconds = [&](uint64_t ticks) {
        return static_cast<double>(ticks) * microseconds_per_tick;
      };
      std::cout << JsonLine("report")
                       .Add("faults", faults.count())
                       .Add("fault_median", microseconds(faults.Quantile(0.5)))
                       .Add("fault_mean",
                            microseconds(faults.sum()) /
                                static_cast<double>(std::max(faults.count(), uint64_t{1})))
                       .Add("fault_p99", microseconds(faults.Quantile(0.99)))
                       .Line()
                << std::flush;
    } else {
      Fail("unknown command '" + command + "'; there are: measure, report");
    }
  }
}
