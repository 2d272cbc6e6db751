// Decides for each workload whether the agent repairs its placement now: finds the policy that
// applies and gathers the facts that model/repair_decision needs.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPAIR_REPAIR_DECIDER_H_
#define NUMALOCALITY_AGENT_ENGINE_REPAIR_REPAIR_DECIDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "agent/engine/migrate/reservations.h"
#include "agent/engine/repair/active_migrations.h"
#include "agent/model/configuration.h"
#include "agent/model/container_names.h"
#include "agent/model/locality_report.h"
#include "agent/model/migration.h"
#include "agent/model/policy_match.h"
#include "agent/model/repair_decision.h"
#include "agent/model/repair_history.h"
#include "agent/model/room.h"
#include "agent/model/topology.h"

namespace numalocality {

// The facts that all decisions of one round share. The references must outlive the round.
struct DecisionRound {
  absl::Duration now;  // monotonic, as are all points in time here
  const Configuration& configuration;
  const Topology& topology;
  const std::map<NodeId, Watermarks>& watermarks;
  const std::vector<Reservation>& reservations;
  std::vector<Workload> stalled = {};  // see Migrator::StalledRepairs
};

// The decision about one workload, with what it is based on.
struct WorkloadDecision {
  ContainerDescription description;
  PolicyMatch match;
  DecidedRepair decided;
};

// A repair that made too little of a workload's memory local.
struct FruitlessRepair {
  Workload workload;
  int in_a_row = 0;  // repairs of this workload, the latest ones
};

// Remembers migrations, their results and refused requests; submits and logs nothing itself. Not
// thread-safe: only the loop's thread calls it.
class RepairDecider {
 public:
  using Describe = std::function<ContainerDescription(const ContainerRef&)>;

  // `metadata_expected`: as in MatchPolicy.
  RepairDecider(Describe describe, bool metadata_expected)
      : describe_(std::move(describe)), metadata_expected_(metadata_expected) {}

  // Takes in a migration that has begun to wait, or has ended. Returns the workloads that an ended
  // repair did not help.
  std::vector<FruitlessRepair> Update(const Migration& migration,
                                      const Configuration& configuration, absl::Duration now);

  // Begins a round of decisions, or continues it with a topology that was read again.
  void BeginRound(const DecisionRound& round);

  // Decides about the workload of `report`. Deciding twice by the same report changes nothing.
  WorkloadDecision Decide(const WorkloadReport& report);

  // When its last migration ended (monotonic); minus infinity without one.
  absl::Duration LastEnd(const Workload& workload) const;

  // A request follows the latest decision: its migration claims room from the next decision on.
  void ClaimRepair(const WorkloadPlacement& placement, const RepairEstimate& estimate);
  // The result of that request: its migration; or why it was refused and until when the workload is
  // left alone for that; or, if none was made, the workload's memory pressure (see RepairFacts) and
  // until when it counts.
  void AddRepair(const WorkloadPlacement& placement, const Migration& migration);
  void DropRepair(const Migration& migration) { active_.Drop(migration.id); }
  void AddRefusal(const Workload& workload, std::string message, absl::Duration until);
  void AddPressure(const Workload& workload, double pressure, absl::Duration until);

  using CgroupKey = std::pair<std::string, uint64_t>;  // see Workload::CgroupKey

  // Forgets all workloads except those in these cgroups. Call only after all workloads have
  // been read: before that, workloads that an earlier agent repaired may not be found yet.
  void ForgetExcept(const std::set<CgroupKey>& cgroups);

 private:
  struct Remembered {
    RepairHistory history;
    std::string refused;  // why its last request was, until ...
    absl::Duration refused_until = -absl::InfiniteDuration();
    double pressure = 0;  // that kept its last repair from starting, until ...
    absl::Duration pressed_until = -absl::InfiniteDuration();
  };

  void Learn(const Migration& ended, const Configuration& configuration);
  // The facts that are the same for all workloads.
  RepairFacts CommonFacts() const;
  RepairFacts FactsOf(const Workload& workload, const Remembered& remembered) const;

  const Describe describe_;
  const bool metadata_expected_;
  std::map<CgroupKey, Remembered> remembered_;
  ActiveMigrations active_;
  double bytes_per_second_ = 0;  // of repairs, the latest counting most; 0 before the first
  std::optional<DecisionRound> round_;
  RepairFacts common_;  // of this round
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_REPAIR_DECIDER_H_
