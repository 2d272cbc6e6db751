// Migrations: the request, and the record of what happened.
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
#include "agent/model/enum_table.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/node_map.h"
#include "agent/model/page_outcome.h"
#include "agent/model/page_span.h"
#include "agent/model/placement.h"
#include "agent/model/workload.h"

namespace numalocality {

// What happens to pages that several processes map.
enum class SharingRule {
  kNever,  // they stay
  kOwned,  // they move if it is proved that only processes of the workload map them
  kAll,    // they move, also if other workloads map them
};
const EnumTable<SharingRule>& TableOf(SharingRule);

// Whether the processes are held still during each batch.
enum class HoldMode {
  kNone,    // they keep running
  kPtrace,  // they are stopped by ptrace: the kernel releases them if the mover dies
};
const EnumTable<HoldMode>& TableOf(HoldMode);

// The fraction of time lost to memory pressure from which migrations pause and repairs do not
// start.
inline constexpr double kHighPressure = 0.10;

// How long a migration may run if its request does not say so: one that takes longer is held up,
// and holds up others.
inline constexpr absl::Duration kDefaultDeadline = absl::Hours(1);

// The limits of one migration.
struct MoveLimits {
  // The least bandwidth limit: with less a migration would never end.
  static constexpr int64_t kLeastBytesPerSecond = int64_t{1} << 20;

  // Kernel calls that take longer make the following batches smaller, down to one page.
  absl::Duration longest_call = absl::Milliseconds(10);
  std::optional<int> batch_pages;  // a fixed size instead
  int64_t bytes_per_second = 0;    // 0: no limit
  int retries = 3;                 // of pages that the kernel tried and could not move
  int workers = 1;                 // threads that move pages concurrently
  bool operator==(const MoveLimits&) const = default;
};

// Which memory to move, where to, and how; MigrationRequest names the workloads.
struct MigrationSpec {
  NodeSet target_nodes;  // empty: each process's home nodes
  NodeSet source_nodes;  // empty: every node that is not a target
  NodeMap node_map;      // if not empty, replaces the two above
  std::vector<AddressRange> ranges = {kWholeAddressSpace};  // widened to whole pages
  KindSet kinds = kPrivateKinds;
  SharingRule sharing = SharingRule::kNever;
  HoldMode hold = HoldMode::kNone;
  MoveLimits limits;
  // The migration stops and succeeds once as many bytes have moved.
  std::optional<int64_t> enough_bytes;
  double min_moved = 0.90;  // fraction of the wanted pages on target that counts as success
  absl::Duration deadline = kDefaultDeadline;  // from the start of running; numa-migrate ignores it
  // Times of verifications after the last batch, ascending; there is always one at zero.
  std::vector<absl::Duration> verify_after;
  bool operator==(const MigrationSpec&) const = default;
};

// What keeps a container's memory on its target after the move.
enum class StickMode {
  kNone,
  kCpusetMems,  // its cpuset.mems, set through the container runtime
};
const EnumTable<StickMode>& TableOf(StickMode);

// The expected cost and gain of a repair, and its result.
struct RepairEstimate {
  int64_t bytes = 0;                   // to move
  int64_t no_room_bytes = 0;           // that should move too, and have no room now
  std::optional<absl::Duration> time;  // at the speed of earlier migrations; nullopt: none yet
  double local_before = 0;
  double local_expected = 0;
  // At its end, measured like local_before; nullopt until then, and if the measurement failed.
  std::optional<double> local_after;
  int64_t remote_after = 0;  // repairable bytes at its end
  bool operator==(const RepairEstimate&) const = default;
};

// Who requested a migration.
enum class MigrationOrigin { kApi, kPolicy };
const EnumTable<MigrationOrigin>& TableOf(MigrationOrigin);

// A request to free memory on a node.
struct Evacuation {
  NodeId node;
  NodeSet target_nodes;    // the nearest ones with room are used; empty: all nodes with CPUs
  int64_t free_bytes = 0;  // stop when as many are free; 0: move everything that can be moved
  absl::Duration keep_clear = absl::Minutes(10);  // the repair loop moves nothing back until then
  bool operator==(const Evacuation&) const = default;
};

struct MigrationRequest {
  std::vector<WorkloadSelector> workloads;  // none with `evacuation`
  MigrationSpec spec;
  StickMode stick = StickMode::kNone;
  bool stick_on_old_kernels = false;  // see engine/migrate/stickiness.h, as for the next
  bool force_stick = false;
  std::string request_id;  // if not empty, identifies the migration on retries
  std::optional<Evacuation> evacuation;
  std::vector<std::string> reservation_tokens;
  bool override_protection = false;  // of protected namespaces, and of the annotation "off"
  MigrationOrigin origin = MigrationOrigin::kApi;
  std::string created_by;                  // of kApi: the identity of the client; "": unknown
  std::string policy;                      // of kPolicy
  std::string trigger;                     // of kPolicy: the event that caused it
  std::optional<RepairEstimate> estimate;  // of kPolicy
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
const EnumTable<MigrationState>& TableOf(MigrationState);

// Why a migration did not do all that it was asked for.
enum class MigrationReason {
  kNone,
  kWorkloadGone,      // every process exited or the cgroup was removed
  kNoRoom,            // the target is full, or would fall below its reserve
  kCpusetForbids,     // the target is outside cpuset.mems
  kPermissionDenied,  // capability, seccomp filter or security module
  kDeadline,          // the deadline passed
  kCancelled,         // cancelled by a request
  kIncomplete,        // some processes could not be listed or seen, or are too many
  kPagesLeft,         // single pages could not be moved: see the outcome counts
  kInternal,          // see the message
  kNotSticky,         // the memory was moved, but StickMode could not be applied
  kHoldRefused,       // the process is already traced, or has too many threads to be held
  kInterrupted,       // the agent exited before the migration ended
  kProtected,         // its namespace is protected, or its pod's annotation turns migrations off
  kNodeGone,          // a target node went offline
  kUnderPressure,     // a repair whose workload was under memory pressure when it was to begin
  // MigrationSpec::enough_bytes were moved. Only the work in progress has it, to stop: Conclude
  // turns it into success with kNone, so no interface ever shows it.
  kEnough,
};
const EnumTable<MigrationReason>& TableOf(MigrationReason);

inline bool IsFinal(MigrationState state) { return state >= MigrationState::kSucceeded; }

// The result of a verification: where the pages were some time after the last batch.
struct Verification {
  absl::Duration after;         // since the last batch
  int64_t pages_on_target = 0;  // wanted pages that are where they belong
  int64_t drifted_pages = 0;    // that left their target; estimated from totals by node
  MemoryByNode memory;          // of the kinds and ranges asked for
};

// Durations of the kernel calls that moved pages.
struct CallTimes {
  // The upper bounds of the buckets of `counts`; the last bucket has no bound.
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

// The record of one workload of a migration.
struct WorkloadMigration {
  Workload workload;
  MigrationState state = MigrationState::kPending;
  MigrationReason reason = MigrationReason::kNone;
  std::string message;  // for people; may be empty

  NodeSet target_nodes;       // union over processes
  int64_t pages_planned = 0;  // misplaced pages found by the first scan
  OutcomeCounts outcomes;
  MemoryByNode before;                      // of the kinds and ranges asked for
  std::vector<Verification> verifications;  // in order of time; empty if cancelled
  int64_t pages_on_target = 0;              // at the last verification, or so far
  int64_t drifted_pages = 0;                // at the last verification
  std::optional<DriftFacts> drift_facts;    // at the last verification; nullopt without drift
  // Measured after a restart if the agent ended during the migration; else empty.
  MemoryByNode after_restart;
  CrossCheck cross_check;
  std::string sharing_note;  // why shared pages stayed although the rule is kOwned; may be empty
  std::optional<ScanMethod> scan_method;  // nullopt before the first scan

  int process_count = 0;  // without same_memory_count
  int vanished_process_count = 0;
  int hidden_process_count = 0;  // outside the agent's PID namespace: never moved
  int same_memory_count = 0;     // share the address space of another one, and are moved with it
  bool incomplete = false;       // some processes are left out: new ones, or too many
  CallTimes calls;
  int64_t huge_pages_moved = 0;   // transparent huge pages that stayed whole
  int64_t huge_pages_split = 0;   // transparent huge pages that were moved in parts
  CallTimes holds;                // with HoldMode::kPtrace
  int64_t unheld_batches = 0;     // that moved pages without a hold although one was requested
  absl::Duration bandwidth_wait;  // time waited because of the bandwidth limit
  absl::Duration pressure_wait;   // time waited because of memory pressure (back-off)
  std::string room_note;          // how much page cache was taken as room; empty: none
  std::string stick_note;         // the changes of cpuset.mems; empty without StickMode
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
  // For people.
  absl::Time create_time;
  absl::Time start_time = absl::InfiniteFuture();
  absl::Time end_time = absl::InfiniteFuture();
  // The same on the monotonic clock, for decisions. Not stored: see Migrator::Restore.
  absl::Duration started_at = absl::InfiniteDuration();
  absl::Duration ended_at = absl::InfiniteDuration();

  std::vector<Workload> Workloads() const;
};

// Sets the final state and reason of `result`, given its counts and `reason` (why it stopped early;
// kNone if it did not): SUCCEEDED with at least `min_moved` of the wanted pages on target, else
// PARTIAL if any page moved, else FAILED; CANCELLED only if it was cancelled. Pure.
void Conclude(WorkloadMigration& result, MigrationReason reason, double min_moved);

// Sets the final state, reason and message of a migration whose workloads have all ended: their
// common state, else CANCELLED if any was cancelled, else PARTIAL. Pure.
void Conclude(Migration& migration);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_MIGRATION_H_
