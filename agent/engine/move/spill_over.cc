#include "agent/engine/move/spill_over.h"

#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace numalocality {

bool SpillOver::IsThere(const PageMove& move, int node) const {
  if (node == move.target.value) return true;
  return is_on_ && node >= 0 && TargetsOf(targets_).Contains(NodeId{node});
}

std::optional<NodeId> SpillOver::NextTarget(NodeId source) const {
  if (!is_on_) return std::nullopt;
  std::optional<NodeId> best;
  const auto rank = [&](NodeId node) {
    return std::tuple(topology_.Distance(source, node), -room_.On(node).pages);
  };
  for (const NodeId node : TargetsOf(targets_) - room_.FullNodes()) {
    if (!best.has_value() || rank(node) < rank(*best)) best = node;
  }
  return best;
}

std::vector<PageMove> SpillOver::Redirect(std::vector<PageMove>& moves) const {
  std::map<NodeId, std::optional<NodeId>> next;  // by source
  for (const PageMove& move : moves) {
    if (!next.contains(move.source)) next[move.source] = NextTarget(move.source);
  }
  std::vector<PageMove> redirected;
  for (const PageMove& move : moves) {
    if (const auto target = next.at(move.source); target.has_value()) {
      redirected.push_back({move.address, move.source, *target});
    }
  }
  std::erase_if(moves, [&](const PageMove& move) { return next.at(move.source).has_value(); });
  return redirected;
}

std::string SpillOver::RoomWords(NodeId target) const {
  if (!is_on_) return room_.Describe(target);
  return absl::StrJoin(TargetsOf(targets_), "; ", [this](std::string* out, NodeId node) {
    absl::StrAppend(out, room_.Describe(node));
  });
}

}  // namespace numalocality
