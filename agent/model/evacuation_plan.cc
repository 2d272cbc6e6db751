#include "agent/model/evacuation_plan.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/units.h"

namespace numalocality {
namespace {

// The class with the weakest guarantee moves first.
int Rank(const Workload& workload) {
  if (!workload.container.has_value()) return 3;
  switch (workload.container->qos) {
    case QosClass::kBestEffort: return 0;
    case QosClass::kBurstable: return 1;
    case QosClass::kGuaranteed: return 2;
  }
  return 3;
}

NodeSet Candidates(const Evacuation& evacuation, const Topology& topology) {
  const NodeSet nodes = evacuation.target_nodes.empty()
                            ? topology.MemoryNodes() & topology.NodesWithCpus()
                            : evacuation.target_nodes;
  return nodes - NodeSet{evacuation.node};
}

std::optional<NodeId> Target(const std::vector<NodeId>& nearest_first, int64_t bytes,
                             const std::map<NodeId, int64_t>& room) {
  std::optional<NodeId> roomiest;
  for (const NodeId node : nearest_first) {
    if (room.at(node) >= bytes) return node;
    if (!roomiest.has_value() || room.at(node) > room.at(*roomiest)) roomiest = node;
  }
  return roomiest;
}

void AddMessage(const std::string& message, WorkloadMigration& planned) {
  absl::StrAppend(&planned.message, planned.message.empty() ? "" : "; ", message);
}

}  // namespace

std::vector<PlannedMove> PlanEvacuation(const Evacuation& evacuation, const Topology& topology,
                                        std::vector<Occupant> occupants,
                                        std::map<NodeId, int64_t> room_bytes) {
  std::stable_sort(occupants.begin(), occupants.end(), [](const Occupant& a, const Occupant& b) {
    return std::tuple(Rank(a.workload), -a.bytes) < std::tuple(Rank(b.workload), -b.bytes);
  });
  const NodeSet candidates = Candidates(evacuation, topology);
  for (const NodeId node : candidates) room_bytes.try_emplace(node, 0);
  const Node* const source = topology.Find(evacuation.node);
  int64_t free = source == nullptr ? 0 : source->free_bytes;
  std::vector<PlannedMove> plan;
  for (Occupant& occupant : occupants) {
    if (evacuation.free_bytes > 0 && free >= evacuation.free_bytes) break;
    const NodeSet allowed = occupant.protection.ok() ? occupant.allowed_nodes : NodeSet();
    const auto nearest = topology.TargetsFor(evacuation.node, candidates & allowed);
    const auto target = Target(nearest, occupant.bytes, room_bytes);
    if (target.has_value()) {
      const int64_t bytes = std::min(occupant.bytes, room_bytes[*target]);
      room_bytes[*target] -= bytes;
      free += bytes;
    }
    plan.push_back(
        {std::move(occupant.workload), occupant.bytes, target, std::move(occupant.protection)});
  }
  return plan;
}

void LeaveShared(double unshared_fraction, int64_t page_bytes, WorkloadMigration& planned) {
  const auto unshared =
      std::llround(unshared_fraction * static_cast<double>(planned.pages_planned));
  const int64_t shared = planned.pages_planned - unshared;
  if (shared == 0) return;
  planned.pages_planned = unshared;
  if (planned.reason == MigrationReason::kNone) planned.reason = MigrationReason::kPagesLeft;
  AddMessage(absl::StrCat("about ", FormatBytes(shared * page_bytes),
                          " are mapped by several processes, and are not moved"),
             planned);
}

void FitRoom(std::map<NodeId, int64_t>& room_bytes, int64_t page_bytes,
             WorkloadMigration& planned) {
  if (planned.target_nodes.empty()) return;
  const NodeId target = *planned.target_nodes.begin();  // an evacuation has one each
  int64_t& room = room_bytes[target];
  const int64_t fitting = std::min(planned.pages_planned, room / page_bytes);
  const int64_t left = planned.pages_planned - fitting;
  if (left > 0) {
    // A reason that ended the scan early is more important.
    const bool is_whole =
        planned.reason == MigrationReason::kNone || planned.reason == MigrationReason::kPagesLeft;
    if (is_whole) planned.reason = MigrationReason::kNoRoom;
    AddMessage(absl::StrCat(FormatBytes(left * page_bytes), " are not moved: node ", target.value,
                            " will then have room for ", FormatBytes(room), " above its reserve"),
               planned);
  }
  planned.pages_planned = fitting;
  room -= fitting * page_bytes;
}

}  // namespace numalocality
