#include "tests/bench/own_pages.h"

#include <numaif.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/integrity/fail.h"

namespace numalocality::bench {
namespace {

using integrity::FailErrno;
using integrity::Memory;

// The node of every page; negative if it is not present.
std::vector<int> NodesOf(const Memory& memory) {
  std::vector<void*> pages(memory.page_count());
  for (size_t i = 0; i < pages.size(); ++i) pages[i] = memory.page(i);
  std::vector<int> nodes(pages.size());
  if (move_pages(0, pages.size(), pages.data(), nullptr, nodes.data(), 0) != 0) {
    FailErrno("move_pages query of this process's own pages");
  }
  return nodes;
}

}  // namespace

std::map<int, size_t> CountByNode(const Memory& memory) {
  std::map<int, size_t> counts;
  for (const int node : NodesOf(memory)) {
    if (node >= 0) ++counts[node];
  }
  return counts;
}

void Place(const Memory& memory, const std::function<int(size_t page)>& node_of) {
  // A page that cannot move takes those of its call along: small calls, and a few rounds.
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    const size_t pages_per_call = round == 0 ? 512 : 1;
    const std::vector<int> nodes = NodesOf(memory);
    std::map<int, std::vector<void*>> moves;
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i] >= 0 && nodes[i] != node_of(i)) moves[node_of(i)].push_back(memory.page(i));
    }
    for (auto& [node, pages] : moves) {
      for (size_t first = 0; first < pages.size(); first += pages_per_call) {
        const size_t count = std::min(pages_per_call, pages.size() - first);
        const std::vector<int> targets(count, node);
        std::vector<int> status(count);
        if (move_pages(0, count, &pages[first], targets.data(), status.data(), MPOL_MF_MOVE) < 0) {
          FailErrno("move_pages of own pages to node " + std::to_string(node));
        }
      }
    }
  }
}

}  // namespace numalocality::bench
