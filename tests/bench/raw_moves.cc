// bench-raw: how pages are moved without an engine. `loop` is what textbooks show: move_pages over
// all addresses of a range. `copy` is the limit: the same bytes copied by memcpy between two nodes.
#include <numaif.h>
#include <sys/mman.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "tests/integrity/fail.h"
#include "tests/integrity/report.h"
#include "tests/integrity/word.h"

namespace numalocality::bench {
namespace {

using integrity::FailErrno;
using integrity::JsonLine;
using integrity::kPageBytes;

struct Options {
  int pid = 0;
  int node = 0;
  int from_node = 0;
  std::string range;  // "0x7f00-0x7fff"
  size_t batch = 4096;
  uint64_t bytes = uint64_t{256} << 20;
};

// One call for each `batch` pages; the status of single pages is ignored.
void Loop(const Options& options) {
  const uint64_t start = std::stoull(options.range, nullptr, 16);
  const uint64_t end = std::stoull(options.range.substr(options.range.find('-') + 1), nullptr, 16);
  for (uint64_t first = start; first < end; first += options.batch * kPageBytes) {
    std::vector<void*> pages;
    for (size_t i = 0; i < options.batch && first + i * kPageBytes < end; ++i) {
      pages.push_back(reinterpret_cast<void*>(first + i * kPageBytes));
    }
    const std::vector<int> nodes(pages.size(), options.node);
    std::vector<int> status(pages.size());
    if (move_pages(options.pid, pages.size(), pages.data(), nodes.data(), status.data(),
                   MPOL_MF_MOVE) < 0) {
      FailErrno("move_pages of process " + std::to_string(options.pid));
    }
  }
}

char* MapOn(int node, uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) FailErrno("mmap of " + std::to_string(bytes) + " bytes");
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  const uint64_t mask = uint64_t{1} << node;
  if (mbind(memory, bytes, MPOL_BIND, &mask, 64, 0) != 0) {
    FailErrno("mbind to node " + std::to_string(node));
  }
  std::memset(memory, 1, bytes);
  return static_cast<char*>(memory);
}

void Copy(const Options& options) {
  using std::chrono::steady_clock;
  constexpr uint64_t kMost = uint64_t{64} << 20;  // at a time: a node need not have room for all
  const uint64_t piece = std::min(options.bytes, kMost);
  const char* source = MapOn(options.from_node, piece);
  char* target = MapOn(options.node, piece);
  const auto start = steady_clock::now();
  for (uint64_t done = 0; done < options.bytes; done += piece) std::memcpy(target, source, piece);
  const std::chrono::duration<double> elapsed = steady_clock::now() - start;
  std::cout << JsonLine("copied").Add("seconds", elapsed.count()).Line();
}

}  // namespace
}  // namespace numalocality::bench

int main(int argc, char** argv) {
  namespace bench = numalocality::bench;
  bench::Options options;
  CLI::App app("Moves pages by bare system calls, and copies memory by memcpy.", "bench-raw");
  app.require_subcommand(1);
  CLI::App* loop = app.add_subcommand("loop", "move_pages over every address of a range");
  loop->add_option("--pid", options.pid)->required();
  loop->add_option("--range", options.range, "START-END, hexadecimal")->required();
  loop->add_option("--to-node", options.node)->required();
  loop->add_option("--batch", options.batch, "Pages a call")->check(CLI::PositiveNumber);
  CLI::App* copy = app.add_subcommand("copy", "memcpy from one node's memory to another's");
  copy->add_option("--from-node", options.from_node)->required();
  copy->add_option("--to-node", options.node)->required();
  copy->add_option("--bytes", options.bytes)->transform(CLI::AsSizeValue(false));
  CLI11_PARSE(app, argc, argv);
  *loop ? bench::Loop(options) : bench::Copy(options);
}
