// The loop that keeps workloads' memory on their home nodes. It has placements read after events
// and once a period, has the RepairDecider decide about each workload, submits repairs to the
// Migrator, as API requests are, and publishes the report. Work on one workload runs on threads of
// WorkloadJobs: the loop goes on with the last known report of a workload whose job is slow.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPAIR_POLICY_LOOP_H_
#define NUMALOCALITY_AGENT_ENGINE_REPAIR_POLICY_LOOP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/migration_listener.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/migrate/totals.h"
#include "agent/engine/repair/cgroup_watch.h"
#include "agent/engine/repair/repair_decider.h"
#include "agent/engine/repair/repair_jobs.h"
#include "agent/engine/repair/tracked_workload.h"
#include "agent/engine/report/report_board.h"
#include "agent/engine/report/report_jobs.h"
#include "agent/engine/report/report_reader.h"
#include "agent/engine/workload_jobs.h"
#include "agent/model/configuration.h"
#include "agent/model/repair_decision.h"
#include "agent/model/topology.h"

namespace numalocality {

// What the loop takes from other parts of the agent. All functions are cheap and thread-safe.
struct PolicyLoopSources {
  std::function<std::shared_ptr<const Configuration>()> configuration;
  std::function<ContainerDescription(const ContainerRef&)> describe;
  // Asks the name sources to be read soon: a container's names are not known, or kubelet has
  // changed its assignments.
  std::function<void()> ask_names = [] {};
  bool metadata_expected = false;  // see MatchPolicy
  std::string kubelet_dir;         // is watched, too; empty: none
};

// Start, Stop, Restore and Tick are for one thread, and Tick is not called after Start: the loop's
// own thread calls it then. Before Start, a step does the work on all workloads itself. All other
// methods are thread-safe.
class PolicyLoop final : public MigrationListener {
 public:
  // Pause between two steps, so that many events in a short time are handled in one step.
  static constexpr absl::Duration kStepInterval = absl::Milliseconds(20);
  // Shortest pause between two walks through the cgroup tree; and the longest, in case that an
  // event was missed.
  static constexpr absl::Duration kWalkInterval = absl::Seconds(1);
  static constexpr absl::Duration kLongestWalkInterval = absl::Minutes(10);
  // How long a step waits for the jobs that it has begun, so that most steps decide by what they
  // read. Later results are taken in by the next step.
  static constexpr absl::Duration kPatience = absl::Milliseconds(100);

  PolicyLoop(const EngineContext& context, PolicyLoopSources sources, Migrator& migrator,
             ReportBoard& board, TotalsCounter& totals);
  ~PolicyLoop() override;  // Stop

  // Learns from the ended migrations of earlier agents, oldest first. Call before Start.
  void Restore(const std::vector<Migration>& ended);

  // Watches cgroups and runs the loop in a thread until Stop. Without inotify, which is logged,
  // only the timer finds changes.
  void Start();
  // Waits `grace` at most for jobs. Returns a line for each that still waits for a kernel call; the
  // destructor waits for these, too.
  std::vector<std::string> Stop(absl::Duration grace = absl::ZeroDuration());

  // Makes one step: handles events, reads what is due, decides, submits, publishes. Returns when
  // the next step is due unless an event makes one due earlier. All points in time are monotonic.
  absl::Duration Tick(const CgroupNews& news);

  // Makes the loop decide about all workloads again soon: call it when the names of containers or
  // the configuration have changed.
  void Wake();

  void OnMigration(const Migration& migration) override;

  // OK while changes of cgroups are noticed at once; otherwise why only the timer notices them.
  absl::Status watch_status() const {
    MutexLock lock(mutex_);
    return watch_status_;
  }

  // When the last step began; minus infinity before the first has ended.
  absl::Duration last_tick() const;

  // Kernel calls on behalf of workloads that have not returned for kStalledAfter.
  std::vector<StalledCall> StalledCalls() const { return jobs_.Stalled(); }

 private:
  void Run();
  // Ends the wait of the loop's thread, if it has begun.
  void WakeThread();
  void TakeConfiguration();
  void TakeInbox();
  void TakeIn(const Migration& migration);
  // Begins to read the workloads that are due; returns whether these are all.
  bool ReadDue(const CgroupNews& news, absl::Duration now);
  bool WalkIfDue(absl::Duration now);
  absl::Status Walk();
  void SetWatchStatus(const absl::Status& status);
  // Reads topology_ unless this step has read it already. Logs an error and returns false if that
  // fails.
  bool ReadTopology();
  void TakeReading(const Reading& reading);
  // The workload, which is tracked from now on.
  TrackedWorkload& Track(const Workload& workload);
  std::string NameOf(const Workload& workload) const;
  // Drops reports of workloads that are gone; ForgetGone also drops what the decider remembers.
  void DropGone();
  void ForgetGone();
  // Decides about the workloads that have changed or whose next decision is due.
  void DecideDue(absl::Duration now);
  // When DecideDue will have something to do.
  absl::Duration NextDue(absl::Duration now) const;
  void AskForNames() const;
  DecisionRound RoundAt(absl::Duration now) const;
  void Decide(TrackedWorkload& tracked, absl::Duration now);
  // Decides that nothing can be decided, because `tracked.read` is old or shows nothing.
  void LeaveUnread(TrackedWorkload& tracked, const std::string& why);
  // Begins to submit a repair.
  void Submit(const TrackedWorkload& tracked, WorkloadDecision decided);
  // Takes in the answer to it.
  void TakeAnswer(const Repair& repair);
  // Makes `result` the shown decision.
  void Conclude(TrackedWorkload& tracked, WorkloadDecision result);
  void CountAndLog(const WorkloadReport& report, const RepairDecision& decision, bool is_first);
  void Publish();

  const EngineContext context_;
  const PolicyLoopSources sources_;
  Migrator& migrator_;
  ReportBoard& board_;
  TotalsCounter& totals_;
  ReportReader reader_;

  std::optional<CgroupWatch> watch_;  // set by Start, under mutex_: others may wake the loop before
  std::shared_ptr<const Configuration> configuration_;                       // of this step
  std::vector<Reservation> reservations_;                                    // of this step
  std::shared_ptr<const Topology> topology_ = std::make_shared<Topology>();  // never null
  bool topology_is_fresh_ = false;                                           // read in this step
  std::map<NodeId, Watermarks> watermarks_;
  std::map<std::string, TrackedWorkload> tracked_;  // by cgroup path
  RepairDecider decider_;
  bool decide_all_ = true;
  bool tree_changed_ = true;
  absl::Status walk_status_;
  absl::Duration walked_at_ = -absl::InfiniteDuration();
  absl::Duration read_at_ = -absl::InfiniteDuration();  // when all workloads were read last
  absl::Duration read_cpu_time_;                        // of that step and its readings

  std::thread thread_;
  mutable Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Migration> inbox_ ABSL_GUARDED_BY(mutex_);
  bool is_woken_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status watch_status_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_tick_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  ReportJobs report_jobs_;
  RepairJobs repair_jobs_;
  WorkloadJobs jobs_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_POLICY_LOOP_H_
