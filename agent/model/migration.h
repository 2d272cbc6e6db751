// A migration as asked for, and as it went.
#ifndef NUMALOCALITY_AGENT_MODEL_MIGRATION_H_
#define NUMALOCALITY_AGENT_MODEL_MIGRATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/page_outcome.h"
#include "agent/model/placement.h"
#include "agent/model/workload.h"

namespace numalocality {

// What to move and where to; see MigrationRequest for whose memory.
struct MigrationSpec {
  NodeSet target_nodes;  // empty: each process's home nodes
  NodeSet source_nodes;  // empty: every node that is not a target
  std::vector<AddressRange> ranges = {kWholeAddressSpace};  // widened to whole pages
  KindSet kinds = kPrivateKinds;
  double min_moved = 0.90;  // fraction of the wanted pages on target that counts as success
  absl::Duration deadline = absl::InfiniteDuration();  // from the start of running
  bool operator==(const MigrationSpec&) const = default;
};

struct MigrationRequest {
  std::vector<WorkloadSelector> workloads;
  MigrationSpec spec;
  std::string request_id;  // not empty: the same id names the same migration
  bool operator==(const MigrationRequest&) const = default;
};

enum class MigrationState {
  kPending,
  kRunning,
  kVerifying,
  kSucceeded,
  kPartial,
  kFailed,
  kCancelled
};

// Why a migration did not reach all it wanted.
enum class MigrationReason {
  kNone,
  kWorkloadGone,      // every process exited or the cgroup was removed
  kNoRoom,            // the target is full, or would fall below its reserve
  kCpusetForbids,     // the target is outside cpuset.mems
  kPermissionDenied,  // capability, seccomp filter or security module
  kDeadline,          // out of time
  kCancelled,         // asked to stop
  kIncomplete,        // some of the workload's processes could not be listed or seen
  kPagesLeft,         // single pages could not be moved: see the outcome counts
  kInternal,          // see the message
};

// SUCCEEDED, CANCELLED, ...: the words of the API.
absl::string_view MigrationStateName(MigrationState state);
absl::string_view MigrationReasonName(MigrationReason reason);
inline bool IsFinal(MigrationState state) { return state >= MigrationState::kSucceeded; }

// How far one workload of a migration has come.
struct WorkloadMigration {
  Workload workload;
  MigrationState state = MigrationState::kPending;
  MigrationReason reason = MigrationReason::kNone;
  std::string message;  // for people; empty when there is nothing to add

  NodeSet target_nodes;       // union over processes
  int64_t pages_planned = 0;  // misplaced pages found by the first scan
  OutcomeCounts outcomes;
  MemoryByNode before;  // of the kinds and ranges asked for
  MemoryByNode after;
  int64_t pages_on_target = 0;  // at the end: moved or already there, less the drifted ones
  int64_t drifted_pages = 0;    // moved, elsewhere at the end; estimated from a second scan

  int process_count = 0;
  int vanished_process_count = 0;
  int hidden_process_count = 0;  // outside the agent's PID namespace: never touched
  bool incomplete = false;       // processes were still appearing when listing was given up
  int64_t move_calls = 0;        // migrating move_pages calls
  absl::Duration call_time;
  absl::Duration longest_call;
};

struct Migration {
  std::string id;
  MigrationRequest request;
  MigrationState state = MigrationState::kPending;
  MigrationReason reason = MigrationReason::kNone;
  std::string message;
  std::vector<WorkloadMigration> workloads;
  int64_t page_bytes = 4096;
  absl::Time create_time;
  absl::Time start_time = absl::InfiniteFuture();
  absl::Time end_time = absl::InfiniteFuture();
};

// The state that `result` ends in, given its counts and `reason` (why it stopped early; kNone if it
// went through): SUCCEEDED with at least `min_moved` of the wanted pages on target, else PARTIAL
// if any page moved, else FAILED; CANCELLED only if it was cancelled. Pure. Sets state and reason.
void Conclude(WorkloadMigration& result, MigrationReason reason, double min_moved);

// The state of a migration whose workloads have all ended: theirs if they agree, else CANCELLED if
// any was cancelled, else PARTIAL. Pure. Sets state, reason and message.
void Conclude(Migration& migration);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_MIGRATION_H_
