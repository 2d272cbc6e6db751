#include "agent/engine/migrate/kernel_moves.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/engine/workload/node_room.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality {

namespace {

// What all processes have mapped on the nodes; nullopt if a node does not report it.
absl::StatusOr<std::optional<int64_t>> ReadMappedBytes(const EngineContext& context,
                                                       const NodeSet& nodes) {
  const TopologyReader reader(context.host);
  int64_t sum = 0;
  for (const NodeId node : nodes) {
    NL_ASSIGN_OR_RETURN(const NodeMemory memory, reader.ReadMemory(node));
    if (!memory.mapped.has_value()) return std::nullopt;
    sum += *memory.mapped;
  }
  return sum;
}

}  // namespace

int64_t KernelMoves::OtherBytes() const {
  return std::accumulate(bytes.by_kind.begin(), bytes.by_kind.end(), int64_t{0}) - HugetlbBytes();
}

std::string KernelMoves::Words() const {
  std::vector<std::string> parts;
  for (const auto& [kind, what] : {std::pair(MemoryKind::kAnon, "anonymous memory"),
                                   std::pair(MemoryKind::kShmem, "shared memory"),
                                   std::pair(MemoryKind::kFile, "mapped files"),
                                   std::pair(MemoryKind::kHugetlb, "hugetlb pages")}) {
    if (bytes[kind] > 0) {
      parts.push_back(absl::StrCat(FormatBytes(bytes[kind]), " of ", what));
    }
  }
  return absl::StrJoin(parts, " and ");
}

absl::StatusOr<KernelMoves> ReadKernelMoves(const EngineContext& context, const Workload& workload,
                                            const MigrationSpec& spec, const NodeSet& before,
                                            const NodeSet& to,
                                            absl::FunctionRef<bool()> is_cancelled) {
  KernelMoves moves{to, {}};
  const NodeSet left_out = before - to;
  if (left_out.empty()) return moves;
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.host).Read());
  const auto placement = PlacementReader(context.kernel, context.host, context.clock)
                             .Read(workload, topology, PlacementView::kPages, is_cancelled);
  if (absl::IsNotFound(placement.status())) return moves;  // the move will find that out, too
  if (!placement.ok()) return placement.status();
  for (const MemoryKind kind : AllValues<MemoryKind>()) {
    if (spec.kinds.Contains(kind)) continue;
    moves.bytes[kind] = placement->memory.BytesOn(left_out, {kind});
  }
  NL_ASSIGN_OR_RETURN(const std::optional<int64_t> mapped, ReadMappedBytes(context, left_out));
  if (mapped.has_value()) {
    for (const MemoryKind kind : {MemoryKind::kFile, MemoryKind::kShmem}) {
      moves.bytes[kind] = std::min(moves.bytes[kind], *mapped);
    }
  }
  return moves;
}

absl::StatusOr<int64_t> ReadRoomOn(const EngineContext& context, const NodeSet& nodes) {
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.host).Read());
  NodeRoom room(context.host, topology);
  // What the kernel moves by itself has no bandwidth limit, so page cache would go at full speed.
  RoomLimits limits = context.limits.room;
  limits.reclaim_cache = 0;
  NL_RETURN_IF_ERROR(room.Read(limits));
  int64_t bytes = 0;
  for (const NodeId node : nodes) bytes += room.On(node).pages * topology.page_bytes;
  return bytes;
}

absl::Status CheckKernelMoves(const EngineContext& context, const KernelMoves& moves,
                              absl::string_view how_to_force) {
  NL_ASSIGN_OR_RETURN(const int64_t room, ReadRoomOn(context, moves.to));
  std::string harm;
  if (moves.HugetlbBytes() > 0) {
    harm = "that takes hugetlb pages from the pool of the target";
  } else if (moves.OtherBytes() > room) {
    harm = absl::StrCat("the target has room for ", FormatBytes(room), " above its reserve");
  } else {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("nothing was moved: once cpuset.mems allows node ", moves.to.ToString(),
                   " only, the kernel itself moves ", moves.Words(), " there, at full speed, and ",
                   harm, "; to accept that, ", how_to_force));
}

}  // namespace numalocality
