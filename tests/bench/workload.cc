// bench-workload: a process whose memory is migrated while it runs, and that measures the effect:
// gaps between the operations of its threads, stalls of mmap() and munmap(),
// operations. It takes commands on standard input and answers each with a JSON line.
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/durations.h"
#include "tests/bench/own_pages.h"
#include "tests/bench/ticks.h"
#include "tests/integrity/fail.h"
#include "tests/integrity/memory.h"
#include "tests/integrity/pin.h"
#include "tests/integrity/random.h"
#include "tests/integrity/report.h"

namespace numalocality::bench {
namespace {

using integrity::Fail;
using integrity::FailErrno;
using integrity::JsonLine;
using integrity::Memory;

constexpr const char kCommands[] = R"(
Commands, one a line, each answered by one line of JSON:
  place NODE              put all memory on a node
  place NODE OTHER        put every second page on NODE, the others on OTHER
  measure                 start the threads
  report                  stop them and say what they measured, in microseconds
  where                   pages by node
It ends at the end of its input.
)";

struct Options {
  uint64_t bytes = uint64_t{256} << 20;
  bool huge = false;
  std::vector<int> cpus;  // a worker on each
  int canary_cpu = -1;    // negative: no canary
  int pause_us = 0;
  size_t pin_every = 0;
  size_t hole_every = 0;
};

void RunOn(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (const int error = pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus); error != 0) {
    Fail("running a thread on CPU " + std::to_string(cpu) + ": " + std::strerror(error));
  }
}

// The place of the chosen page in each group of `every`; holes and pinned pages do not coincide.
bool IsHole(size_t page, size_t every) { return every != 0 && page % every == every / 2; }

class Workload {
 public:
  explicit Workload(const Options& options)
      : options_(options),
        memory_(options.bytes / integrity::kPageBytes,
                options.huge ? integrity::HugePages::kAlways : integrity::HugePages::kNever),
        microseconds_per_tick_(MicrosecondsPerTick()) {
    for (size_t i = 0; i < memory_.page_count(); ++i) *memory_.page(i) = i;
    for (size_t i = 0; i < memory_.page_count(); ++i) {
      if (!IsHole(i, options.hole_every)) continue;
      if (madvise(memory_.page(i), integrity::kPageBytes, MADV_DONTNEED) != 0) FailErrno("madvise");
    }
    if (options.pin_every != 0) pinned_ = PinPages(memory_, options.pin_every);
  }

  std::string Ready() const {
    return JsonLine("ready")
        .Add("pid", getpid())
        .AddText("start", integrity::Hex(memory_.page(0)))
        .AddText("end", integrity::Hex(memory_.end()))
        .Add("pinned_pages", pinned_)
        .Line();
  }

  std::string Answer(const std::string& command) {
    std::istringstream words(command);
    std::string verb;
    words >> verb;
    if (verb == "measure") return Measure();
    if (verb == "report") return Report();
    if (verb == "where") return Where();
    if (int node = 0, other = 0; verb == "place" && words >> node) {
      if (!(words >> other)) other = node;
      Place(memory_, [&](size_t page) { return page % 2 == 0 ? node : other; });
      return Where();
    }
    Fail("unknown command '" + command + "'; --help lists them");
  }

 private:
  std::string Measure() {
    gaps_.assign(options_.cpus.size(), {});
    stalls_ = faults_ = {};
    start_ = Ticks();
    for (size_t i = 0; i < options_.cpus.size(); ++i) {
      threads_.emplace_back([this, i](const std::stop_token& stop) { Work(stop, i); });
    }
    if (options_.canary_cpu >= 0) {
      threads_.emplace_back([this](const std::stop_token& stop) { RunCanary(stop); });
    }
    return JsonLine("measuring").Line();
  }

  std::string Report() {
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();
    Durations gaps;
    for (const Durations& one : gaps_) gaps.Add(one);
    return JsonLine("report")
        .Add("elapsed", Microseconds(Ticks() - start_))
        .Add("operations", gaps.count())
        .Add("gap_longest", Microseconds(gaps.longest()))
        .Add("gap_p99", Microseconds(gaps.Quantile(0.99)))
        .Add("gap_p999", Microseconds(gaps.Quantile(0.999)))
        .Add("stall_longest", Microseconds(stalls_.longest()))
        .Add("stall_p99", Microseconds(stalls_.Quantile(0.99)))
        .Add("fault_longest", Microseconds(faults_.longest()))
        .Line();
  }

  std::string Where() const {
    std::string nodes;
    for (const auto& [node, pages] : CountByNode(memory_)) {
      nodes +=
          (nodes.empty() ? "\"" : ",\"") + std::to_string(node) + "\":" + std::to_string(pages);
    }
    return JsonLine("where").AddJson("nodes", '{' + nodes + '}').Line();
  }

  // An operation is a handful of random reads and writes, as of a lookup in a table.
  void Work(const std::stop_token& stop, size_t index) {
    RunOn(options_.cpus[index]);
    integrity::Random random(index + 1);
    Durations gaps;
    uint64_t last = Ticks();
    while (!stop.stop_requested()) {
      for (int i = 0; i < 8; ++i) Touch(random);
      const uint64_t now = Ticks();
      gaps.Add(now - last);
      last = now;
      if (options_.pause_us > 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(options_.pause_us));
        last = Ticks();
      }
    }
    gaps_[index] = gaps;
  }

  void Touch(integrity::Random& random) {
    const size_t page = random.Below(memory_.page_count());
    if (IsHole(page, options_.hole_every)) return;
    volatile uint64_t& word = memory_.page(page)[random.Below(integrity::kWordsPerPage)];
    word = word + 1;
  }

  // Takes the process's mmap lock for writing, again and again, as allocators do.
  void RunCanary(const std::stop_token& stop) {
    RunOn(options_.canary_cpu);
    while (!stop.stop_requested()) {
      const uint64_t start = Ticks();
      void* page = mmap(nullptr, integrity::kPageBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (page == MAP_FAILED) FailErrno("mmap of a page");
      const uint64_t mapped = Ticks();
      *static_cast<volatile char*>(page) = 1;
      const uint64_t touched = Ticks();
      munmap(page, integrity::kPageBytes);
      stalls_.Add(mapped - start);
      stalls_.Add(Ticks() - touched);
      faults_.Add(touched - mapped);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  double Microseconds(uint64_t ticks) const {
    return static_cast<double>(ticks) * microseconds_per_tick_;
  }

  const Options options_;
  Memory memory_;
  const double microseconds_per_tick_;
  size_t pinned_ = 0;
  uint64_t start_ = 0;
  std::vector<Durations> gaps_;  // one a worker
  Durations stalls_;             // of the canary's mmap() and munmap()
  Durations faults_;             // of its first touch of a page
  std::vector<std::jthread> threads_;
};

Options Parse(CLI::App& app, int argc, char** argv) {
  Options options;
  app.footer(kCommands);
  app.add_option("--bytes", options.bytes, "Private anonymous memory")
      ->transform(CLI::AsSizeValue(false));
  app.add_flag("--huge", options.huge, "In transparent huge pages");
  app.add_option("--cpus", options.cpus, "A worker on each of these")->delimiter(',');
  app.add_option("--canary-cpu", options.canary_cpu, "A thread here that calls mmap and munmap");
  app.add_option("--pause-us", options.pause_us, "Sleep of a worker after each operation");
  app.add_option("--pin-every", options.pin_every, "Give one page in so many another reference");
  app.add_option("--hole-every", options.hole_every, "Leave one page in so many empty");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}

}  // namespace
}  // namespace numalocality::bench

int main(int argc, char** argv) {
  CLI::App app("A process to migrate, which measures what that does to it.", "bench-workload");
  numalocality::bench::Workload workload(numalocality::bench::Parse(app, argc, argv));
  std::cout << workload.Ready() << std::flush;
  for (std::string command; std::getline(std::cin, command);) {
    std::cout << workload.Answer(command) << std::flush;
  }
}
