// What the kernel moves by itself when cpuset.mems is narrowed: whatever the processes have mapped
// on nodes that are not allowed any more, at full speed, without regard to a reserve.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_KERNEL_MOVES_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_KERNEL_MOVES_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/engine/context.h"
#include "agent/model/id_set.h"
#include "agent/model/migration.h"
#include "agent/model/placement.h"
#include "agent/model/workload.h"

namespace numalocality {

// Once cpuset.mems allows only `to`.
struct KernelMoves {
  NodeSet to;
  KindBytes bytes;  // of kinds that the migration does not move: files, hugetlb pages

  int64_t HugetlbBytes() const { return bytes[MemoryKind::kHugetlb]; }
  int64_t OtherBytes() const;
  // "1.0 GiB of mapped files and 128.0 MiB of hugetlb pages"; "" for nothing.
  std::string Words() const;
};

// Scans the pages of the workload that are on nodes in `before` and not in `to`. A page counts once
// for each process that maps it, so files and shared memory may be fewer; they are not more than
// all processes have mapped on these nodes. Nothing if the workload is gone.
absl::StatusOr<KernelMoves> ReadKernelMoves(const EngineContext& context, const Workload& workload,
                                            const MigrationSpec& spec, const NodeSet& before,
                                            const NodeSet& to,
                                            absl::FunctionRef<bool()> is_cancelled);

// The bytes that fit on the nodes above their reserve.
absl::StatusOr<int64_t> ReadRoomOn(const EngineContext& context, const NodeSet& nodes);

// FAILED_PRECONDITION with the amounts if this takes hugetlb pages from the target's pool, or does
// not fit above its reserve. `how_to_force`: for people, what accepts that. Call before the move.
absl::Status CheckKernelMoves(const EngineContext& context, const KernelMoves& moves,
                              absl::string_view how_to_force);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_KERNEL_MOVES_H_
