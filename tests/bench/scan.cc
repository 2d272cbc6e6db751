// Scans side by side: the project's scanner, a bare loop of queries, and numa_maps. Prints a table,
// and a JSON line a row. Native: one NUMA node is enough to measure what scans cost.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/units.h"
#include "tests/bench/scan_methods.h"
#include "tests/bench/scan_subject.h"

namespace numalocality::bench {
namespace {

struct Options {
  uint64_t bytes = uint64_t{4} << 30;
  int runs = 5;
  std::string json;  // file; empty: none
};

struct Row {
  std::string what;
  double goal = 0;
  double ratio = 0;    // peer / ours, of the medians
  double peer_ms = 0;  // medians
  double ours_ms = 0;
  std::string note = {};
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double Milliseconds(const std::function<void()>& work) {
  const absl::Duration start = Clock::System().Monotonic();
  work();
  return absl::ToDoubleMilliseconds(Clock::System().Monotonic() - start);
}

// One of our ways to scan.
struct Way {
  std::string what;
  double goal;
  bool has_sys_admin;
  int threads;
  bool is_on_one_node;
};

// Runs the ways and the loop of queries by turns.
void MeasureTimes(Layout layout, const Options& options, const std::vector<Way>& ways,
                  std::vector<Row>& rows) {
  // The reservation is large for 1 GiB of memory, whatever the other cases have.
  const uint64_t bytes = layout == Layout::kSparse ? uint64_t{1} << 30 : options.bytes;
  ScanSubject subject(layout, bytes);
  const auto pages = static_cast<int64_t>(bytes / 4096);
  std::vector<double> peer;
  std::vector<std::vector<double>> ours(ways.size());
  const auto check = [&](int64_t found, const std::string& what) {
    if (found == pages) return;
    std::fprintf(stderr, "bench-scan: %s: found %ld pages of %ld\n", what.c_str(),
                 static_cast<long>(found), static_cast<long>(pages));
    std::exit(1);
  };
  for (int run = -1; run < options.runs; ++run) {  // the first warms up
    const double time =
        Milliseconds([&] { check(ScanByQueries(subject.pid(), subject.range()), "queries"); });
    if (run >= 0) peer.push_back(time);
    for (size_t i = 0; i < ways.size(); ++i) {
      const Way& way = ways[i];
      SetSysAdmin(way.has_sys_admin);
      const double our_time = Milliseconds([&] {
        check(ScanByUs(subject.pid(), subject.range(), way.threads, way.is_on_one_node), way.what);
      });
      SetSysAdmin(true);
      if (run >= 0) ours[i].push_back(our_time);
    }
  }
  for (size_t i = 0; i < ways.size(); ++i) {
    const double peer_ms = Median(peer);
    const double ours_ms = Median(ours[i]);
    rows.push_back({ways[i].what, ways[i].goal, peer_ms / ours_ms, peer_ms, ours_ms});
  }
}

// How long a process that is scanned waits for mmap(2).
void MeasureStalls(const Options& options, std::vector<Row>& rows) {
  ScanSubject subject(Layout::kBasePages, options.bytes);
  subject.StartCanary();
  std::vector<double> peer_stalls, peer_times, our_stalls, our_times;
  const auto stall = [&] { return absl::ToDoubleMilliseconds(subject.TakeLongestStall()); };
  for (int run = -1; run < options.runs; ++run) {
    stall();
    const double peer_time = Milliseconds([&] { ReadNumaMaps(subject.pid()); });
    const double peer_stall = stall();
    const double our_time =
        Milliseconds([&] { ScanByUs(subject.pid(), subject.range(), 1, false); });
    const double our_stall = stall();
    if (run < 0) continue;
    peer_times.push_back(peer_time);
    peer_stalls.push_back(peer_stall);
    our_times.push_back(our_time);
    our_stalls.push_back(our_stall);
  }
  const double time_ratio = Median(our_times) / Median(peer_times);
  char note[64];
  std::snprintf(note, sizeof note, "takes %.2f of its time (goal 1.2)", time_ratio);
  rows.push_back({"longest mmap() stall, against numa_maps", 150,
                  Median(peer_stalls) / Median(our_stalls), Median(peer_stalls), Median(our_stalls),
                  note});
}

void Print(const Options& options, const std::vector<Row>& rows) {
  std::printf("%8s %6s  %-58s %10s %10s\n", "ratio", "goal", "what", "peer ms", "ours ms");
  for (const Row& row : rows) {
    std::printf("%8.1f %6.4g  %-58s %10.3f %10.3f  %s\n", row.ratio, row.goal, row.what.c_str(),
                row.peer_ms, row.ours_ms, row.note.c_str());
  }
  if (options.json.empty()) return;
  std::FILE* file = std::fopen(options.json.c_str(), "w");
  if (file == nullptr) {
    std::perror(options.json.c_str());
    std::exit(1);
  }
  for (const Row& row : rows) {
    std::fprintf(file,
                 "{\"what\": \"%s\", \"goal\": %g, \"ratio\": %.3f, \"peer_ms\": %.4f, "
                 "\"ours_ms\": %.4f, \"note\": \"%s\"}\n",
                 row.what.c_str(), row.goal, row.ratio, row.peer_ms, row.ours_ms, row.note.c_str());
  }
  std::fclose(file);
}

void Run(const Options& options) {
  std::vector<Row> rows;
  MeasureTimes(Layout::kBasePages, options,
               {{"4 KiB pages, CAP_SYS_ADMIN", 6, true, 1, false},
                {"4 KiB pages, CAP_SYS_ADMIN, two threads", 9.5, true, 2, false},
                {"4 KiB pages, known to be on one node", 4, false, 1, true},
                {"4 KiB pages, mixed", 1, false, 1, false}},
               rows);
  MeasureTimes(
      Layout::kHugePages, options,
      {{"huge pages, CAP_SYS_ADMIN", 300, true, 1, false}, {"huge pages", 300, false, 1, false}},
      rows);
  MeasureTimes(Layout::kSparse, options,
               {{"1 GiB in a reservation of 256 GiB, CAP_SYS_ADMIN", 400, true, 1, false},
                {"1 GiB in a reservation of 256 GiB, known to be on one node", 100, false, 1, true},
                {"1 GiB in a reservation of 256 GiB, mixed", 100, false, 1, false}},
               rows);
  MeasureStalls(options, rows);
  Print(options, rows);
}

}  // namespace
}  // namespace numalocality::bench

int main(int argc, char** argv) {
  numalocality::bench::Options options;
  CLI::App app("Scans of a process's pages, side by side with a loop of move_pages queries.");
  std::string bytes = "4G";
  app.add_option("--bytes", bytes, "memory of the process that is scanned (4G)");
  app.add_option("--runs", options.runs, "of each, a warm-up not counted (5)")
      ->check(CLI::Range(1, 1000));
  app.add_option("--json", options.json, "also write the rows to this file, one a line");
  CLI11_PARSE(app, argc, argv);
  const auto parsed = numalocality::ParseBytes(bytes);
  if (!parsed.ok() || *parsed < 4 << 20) {
    std::fprintf(stderr, "bench-scan: --bytes %s: give a size of at least 4M\n", bytes.c_str());
    return 1;
  }
  options.bytes = static_cast<uint64_t>(*parsed) / (2 << 20) * (2 << 20);
  numalocality::bench::Run(options);
}
