// A migration as asked for, and as it went.
#ifndef NUMALOCALITY_AGENT_MODEL_MIGRATION_H_
#define NUMALOCALITY_AGENT_MODEL_MIGRATION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/model/cross_check.h"
#include "agent/model/drift.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/node_map.h"
#include "agent/model/page_outcome.h"
#include "agent/model/page_span.h"
#include "agent/model/placement.h"
#include "agent/model/workload.h"

namespace numalocality {

// What becomes of pages that several processes map.
enum class SharingRule {
  kNever,  // they stay
  kOwned,  // they move if every process that maps them belongs to the workload, and that is proved
  kAll,    // they move, whoever else uses them
};

// Whether the processes being moved run on during each batch.
enum class HoldMode {
  kNone,
  kPtrace,  // they stand still, by ptrace: the kernel lets them go if the mover dies
};

// What bounds one migration.
struct MoveLimits {
  // Kernel calls that take longer make the following batches smaller, down to one page.
  absl::Duration longest_call = absl::Milliseconds(10);
  std::optional<int> batch_pages;  // a fixed size instead
  int64_t bytes_per_second = 0;    // 0: as fast as it goes
  int retries = 3;                 // of pages that the kernel tried and could not move
  int workers = 1;                 // threads that move at the same time
  bool operator==(const MoveLimits&) const = default;
};

// What to move and where to; see MigrationRequest for whose memory.
struct MigrationSpec {
  NodeSet target_nodes;  // empty: each process's home nodes
  NodeSet source_nodes;  // empty: every node that is not a target
  NodeMap node_map;      // not empty: instead of the two above
  std::vector<AddressRange> ranges = {kWholeAddressSpace};  // widened to whole pages
  KindSet kinds = kPrivateKinds;
  SharingRule sharing = SharingRule::kNever;
  HoldMode hold = HoldMode::kNone;
  MoveLimits limits;
  // Moving ends once so much has been moved, though more could be.
  std::optional<int64_t> enough_bytes;
  double min_moved = 0.90;  // fraction of the wanted pages on target that counts as success
  absl::Duration deadline = absl::InfiniteDuration();  // from the start of running
  // When to look again after the last batch, ascending; it is done once at zero in any case.
  std::vector<absl::Duration> verify_after;
  bool operator==(const MigrationSpec&) const = default;
};

// What keeps a container's memory on its target after the move.
enum class StickMode {
  kNone,
  kCpusetMems,  // its cpuset.mems, through the container runtime
};

// What a repair was expected to cost and to gain, and what it did.
struct RepairEstimate {
  int64_t bytes = 0;                   // to be moved
  std::optional<absl::Duration> time;  // by the speed of earlier ones
  double local_before = 0;
  double local_expected = 0;
  // At its end, measured as what came before; nullopt till then, and if it could not be measured.
  std::optional<double> local_after;
  int64_t remote_after = 0;  // bytes that the next repair would have to move
  bool operator==(const RepairEstimate&) const = default;
};

// Who asks for a migration.
enum class MigrationOrigin { kApi, kPolicy };

// Frees a node, so that something else fits.
struct Evacuation {
  NodeId node;
  NodeSet target_nodes;    // from which the nearest with room are taken; empty: all with CPUs
  int64_t free_bytes = 0;  // stop when so much is free; 0: move all that moves
  absl::Duration keep_clear = absl::Minutes(10);  // the repair loop brings nothing back
  bool operator==(const Evacuation&) const = default;
};

struct MigrationRequest {
  std::vector<WorkloadSelector> workloads;  // none with `evacuation`
  MigrationSpec spec;
  StickMode stick = StickMode::kNone;
  bool stick_on_old_kernels = false;  // see engine/stickiness.h
  std::string request_id;             // not empty: the same id names the same migration
  std::optional<Evacuation> evacuation;
  std::vector<std::string> reservation_tokens;
  MigrationOrigin origin = MigrationOrigin::kApi;
  std::string policy;                      // of kPolicy
  std::string trigger;                     // what made the repair loop look
  std::optional<RepairEstimate> estimate;  // what it expects
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
  kNotSticky,         // the memory is there, but could not be made to stay
  kHoldRefused,       // the process is traced already, or has too many threads to be held
  kInterrupted,       // the agent ended meanwhile
  kEnough,            // as much is there as was asked for; never final
};

// SUCCEEDED, CANCELLED, ...: the words of the API.
absl::string_view MigrationStateName(MigrationState state);
absl::string_view MigrationReasonName(MigrationReason reason);
inline bool IsFinal(MigrationState state) { return state >= MigrationState::kSucceeded; }

// Where the pages were at some time after the last batch.
struct Verification {
  absl::Duration after;         // since the last batch
  int64_t pages_on_target = 0;  // wanted pages that are where they belong
  int64_t drifted_pages = 0;    // were there and are elsewhere; estimated from totals by node
  MemoryByNode memory;          // of the kinds and ranges asked for
};

// Durations of the kernel calls that moved pages.
struct CallTimes {
  // Upper bounds of the buckets of `counts`; the last bucket has none.
  static constexpr std::array<absl::Duration, 8> kBounds = {
      absl::Microseconds(100), absl::Microseconds(300), absl::Milliseconds(1),
      absl::Milliseconds(3),   absl::Milliseconds(10),  absl::Milliseconds(30),
      absl::Milliseconds(100), absl::Seconds(1)};

  std::array<int64_t, kBounds.size() + 1> counts{};
  absl::Duration total;
  absl::Duration longest;

  int64_t Count() const;
  void Add(absl::Duration time);
  void Add(const CallTimes& other);
};

// How far one workload of a migration has come.
struct WorkloadMigration {
  Workload workload;
  MigrationState state = MigrationState::kPending;
  MigrationReason reason = MigrationReason::kNone;
  std::string message;  // for people; empty when there is nothing to add

  NodeSet target_nodes;       // union over processes
  int64_t pages_planned = 0;  // misplaced pages found by the first scan
  OutcomeCounts outcomes;
  MemoryByNode before;                      // of the kinds and ranges asked for
  std::vector<Verification> verifications;  // in order of time; empty if cancelled
  int64_t pages_on_target = 0;              // at the last verification, or as moved so far
  int64_t drifted_pages = 0;                // at the last verification
  std::optional<DriftFacts> drift_facts;    // the same; nothing if no page had drifted
  // Measured by the next agent if this one ended in the middle; else empty.
  MemoryByNode after_restart;
  CrossCheck cross_check;
  std::string sharing_note;  // why shared pages were left though the rule is kOwned, if any were
  ScanMethod scan_method = ScanMethod::kQuery;

  int process_count = 0;  // those that share another one's address space left out
  int vanished_process_count = 0;
  int hidden_process_count = 0;  // outside the agent's PID namespace: never touched
  int same_memory_count = 0;     // share another one's address space, and are moved with that
  bool incomplete = false;       // processes were still appearing when listing was given up
  CallTimes calls;
  int64_t huge_pages_moved = 0;   // transparent huge pages that stayed whole
  int64_t huge_pages_split = 0;   // known to be such before, and moved in parts
  CallTimes holds;                // with HoldMode::kPtrace
  int64_t unheld_batches = 0;     // moved, or partly moved, while it ran all the same
  absl::Duration bandwidth_wait;  // waited for the bandwidth limit
  absl::Duration pressure_wait;   // waited for memory pressure to go
  std::string stick_note;         // what was done to cpuset.mems; empty without StickMode
};

struct Migration {
  std::string id;
  MigrationRequest request;
  // False for a record that was stored without its request, by an agent before record format 2.
  // `request` then has what the record itself says: request_id, origin, policy, evacuated node.
  bool is_request_known = true;
  MigrationState state = MigrationState::kPending;
  MigrationReason reason = MigrationReason::kNone;
  std::string message;
  std::vector<WorkloadMigration> workloads;
  int64_t page_bytes = 4096;
  std::optional<RepairEstimate> estimate;  // of repairs by policy
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
