// The loop that keeps workloads' memory at home: reads reports when something has happened and once
// a period, decides by policy, and submits repairs to the Migrator like everyone else.
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
#include "agent/engine/repair/active_migrations.h"
#include "agent/engine/repair/cgroup_watch.h"
#include "agent/engine/report/report_board.h"
#include "agent/engine/report/report_reader.h"
#include "agent/model/configuration.h"
#include "agent/model/repair_decision.h"
#include "agent/model/repair_history.h"

namespace numalocality {

// What the loop asks others for; each is cheap and thread-safe.
struct PolicyLoopSources {
  std::function<std::shared_ptr<const Configuration>()> configuration;
  std::function<ContainerDescription(const ContainerRef&)> describe;
  // Some container's names are not known, or kubelet has assigned anew: ask the sources soon.
  std::function<void()> ask_names = [] {};
  bool metadata_expected = false;  // see MatchPolicy
  std::string kubelet_dir;         // whose changes are news, too; empty: none
};

// Tick and Restore are for one thread; the rest for any.
class PolicyLoop final : public MigrationListener {
 public:
  // Between two steps: a storm of events is read as one.
  static constexpr absl::Duration kStepInterval = absl::Milliseconds(20);
  // Between two walks through the cgroups; and at the latest, should an event have been missed.
  static constexpr absl::Duration kWalkInterval = absl::Seconds(1);
  static constexpr absl::Duration kLongestWalkInterval = absl::Minutes(10);
  // A repair that was refused is asked for again after so long, at the earliest.
  static constexpr absl::Duration kRefusedFor = absl::Seconds(30);

  PolicyLoop(const EngineContext& context, PolicyLoopSources sources, Migrator& migrator,
             ReportBoard& board, TotalsCounter& totals);
  ~PolicyLoop() override;  // Stop

  // What earlier repairs brought, from the records of an agent before this one; oldest first. Only
  // their ends count. Before Start.
  void Restore(const std::vector<Migration>& ended);

  // Watches cgroups and runs the loop in a thread until Stop. Without inotify there is the timer
  // alone: logged.
  void Start();
  void Stop();

  // One step: takes in what happened, reads what is due, decides, submits, publishes. Returns when
  // the next one is due, unless something happens before.
  absl::Time Tick(const CgroupNews& news);

  // The names of containers, or the configuration, have changed.
  void Wake();

  void OnMigration(const Migration& migration) override;

  // Whether changes of cgroups are noticed at once; else why the timer alone notices them.
  absl::Status watch_status() const {
    MutexLock lock(mutex_);
    return watch_status_;
  }

  // When the last step ended; InfinitePast before the first.
  absl::Time last_tick() const;

 private:
  // What the loop knows of one workload beside its report.
  struct Tracked {
    std::shared_ptr<const WorkloadReport> read;     // by the reader
    std::shared_ptr<const WorkloadReport> decided;  // that the decision is about
    std::shared_ptr<const WorkloadReport> shown;    // that, with names and decision
    std::string read_trigger;                       // what made it be read
    std::string trigger;                            // of a repair: what made it remote
    std::string refused;                            // why its repair was, until ...
    absl::Time refused_until = absl::InfinitePast();
  };
  void Run();
  void TakeConfiguration();
  void TakeInbox();
  void TakeEnded(const Migration& migration);
  void Learn(const Migration& migration);
  // What is to be read now, and why; returns whether that was all.
  bool ReadDue(const CgroupNews& news, absl::Time now);
  bool WalkIfDue(absl::Time now);
  absl::Status Walk();
  void SetWatchStatus(const absl::Status& status);
  // Unless this step has done so. False if it cannot be: logged.
  bool ReadTopology();
  void Track(const Reports& changed, const std::string& trigger);
  void DropGone();
  // Those of workloads that are gone. Only after all have been read: others may be restored ones
  // that are still to be found.
  void ForgetHistories();
  // Decides about those that have changed, or whose time has come; returns when the next one's
  // will.
  absl::Time DecideDue(absl::Time now);
  void Decide(Tracked& tracked);
  // What is so for all workloads, and for one.
  RepairFacts FactsNow(absl::Time now) const;
  void AddFacts(const Tracked& tracked);
  // Replaces the decision by why it could not be done, if it could not.
  void Submit(Tracked& tracked, const LocalityPolicy& policy, DecidedRepair& decided);
  void Tell(const WorkloadReport& report, const RepairDecision& decision, bool is_first);
  void Publish(absl::Time now);

  const EngineContext context_;
  const PolicyLoopSources sources_;
  Migrator& migrator_;
  ReportBoard& board_;
  TotalsCounter& totals_;
  ReportReader reader_;

  std::optional<CgroupWatch> watch_;
  std::shared_ptr<const Configuration> configuration_;  // at this step
  Topology topology_;
  bool topology_is_fresh_ = false;  // read at this step
  std::map<NodeId, int64_t> watermarks_;
  std::map<std::string, Tracked> tracked_;       // by cgroup path
  std::map<uint64_t, RepairHistory> histories_;  // by cgroup id
  ActiveMigrations active_;
  std::vector<Reservation> reservations_;  // at this step
  RepairFacts facts_;                      // at this step
  bool decide_all_ = true;
  double bytes_per_second_ = 0;  // of repairs, the latest counting most
  bool tree_changed_ = true;
  absl::Status walk_status_;
  absl::Time walk_time_ = absl::InfinitePast();
  absl::Time read_time_ = absl::InfinitePast();  // of all
  absl::Duration read_cpu_time_;

  std::thread thread_;
  mutable Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Migration> inbox_ ABSL_GUARDED_BY(mutex_);
  bool is_woken_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status watch_status_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_tick_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_POLICY_LOOP_H_
