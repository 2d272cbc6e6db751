#include "tests/unit/fake/fake_move.h"

#include <algorithm>
#include <cerrno>

namespace numalocality {

int FakeMove::Run(size_t fail_at, int error_number) {
  int current = kNoNode;
  int error = 0;
  size_t i = 0;
  for (; i < addresses_.size(); ++i) {
    error = error_number != 0 && i >= fail_at ? -error_number : CheckTarget(nodes_[i]);
    if (error != 0) break;
    if (current == kNoNode) {
      current = nodes_[i];
      start_ = i;
    } else if (nodes_[i] != current) {
      error = Flush(current, i);
      if (error != 0) return error;
      start_ = i;
      current = nodes_[i];
    }
    const int queued = Queue(addresses_[i], current);
    if (queued > 0) continue;
    status_[i] = queued == 0 ? process_.At(addresses_[i]).node : queued;
    error = Flush(current, i);
    if (error != 0) return error > 0 ? error - 1 : error;  // entry i is accounted for
    current = kNoNode;
  }
  const int flush_error = Flush(current, i);
  return error < 0 ? error : flush_error;
}

int FakeMove::CheckTarget(int node) const {
  if (!memory_.contains(node)) return -ENODEV;
  return process_.allowed_nodes.Contains(NodeId{node}) ? 0 : -EACCES;
}

int FakeMove::Queue(uint64_t address, int node) {
  if (const int error = process_.Deny(address); error != 0) return error;
  FakeFolio& folio = process_.At(address);
  if (folio.node == node || folio.stays) return 0;
  if (folio.shared && flag_ == MoveFlag::kExclusive) return -EACCES;
  if (folio.isolated) return -EBUSY;
  if (folio.busy_attempts > 0) {
    --folio.busy_attempts;
    return -EBUSY;
  }
  folio.isolated = true;
  queue_.push_back(&folio);
  return 1;
}

int FakeMove::Flush(int node, size_t end) {
  if (queue_.empty()) return 0;
  int failed = 0;
  bool no_memory = false;
  for (FakeFolio* folio : queue_) {
    folio->isolated = false;
    if (no_memory) continue;
    if (folio->pinned) {
      ++failed;
      continue;
    }
    FakeMemory& target = memory_.at(node);
    if (target.free_pages - folio->pages < target.low_pages) {
      const int64_t dropped = std::min(target.cache_pages, target.high_pages - target.free_pages);
      target.cache_pages -= dropped;
      target.free_pages += dropped;
    }
    if (target.free_pages - target.withheld_pages < folio->pages) {
      no_memory = true;
      continue;
    }
    target.free_pages -= folio->pages;
    target.lowest_free_pages = std::min(target.lowest_free_pages, target.free_pages);
    memory_.at(folio->node).free_pages += folio->pages;
    folio->node = node;
  }
  queue_.clear();
  if (no_memory) return -ENOMEM;
  if (failed > 0) return failed + static_cast<int>(addresses_.size() - end);
  for (size_t i = start_; i < end; ++i) status_[i] = node;
  return 0;
}

}  // namespace numalocality
