// Submits decided repairs to the Migrator as jobs of their workloads. A workload that is under
// memory pressure is not repaired.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPAIR_REPAIR_JOBS_H_
#define NUMALOCALITY_AGENT_ENGINE_REPAIR_REPAIR_JOBS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/repair/repair_decider.h"
#include "agent/engine/workload_jobs.h"
#include "agent/model/locality_report.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// A decided repair: the report that it was decided by, what is asked of the Migrator, and the
// decision, which becomes kRefused or kUnderPressure if there is no migration.
struct Repair {
  std::shared_ptr<const WorkloadReport> report;
  MigrationRequest request;
  WorkloadDecision decided;
};

// All methods are for one thread, the owner's of `jobs`.
class RepairJobs {
 public:
  // Shortest time between a refused repair and the next request for it.
  static constexpr absl::Duration kRefusedFor = absl::Seconds(30);

  // References outlive this, and this outlives the jobs. `name_of` returns a workload's name for
  // people. `on_answer` is called in WorkloadJobs::CallEndings.
  RepairJobs(const EngineContext& context, Migrator& migrator, RepairDecider& decider,
             WorkloadJobs& jobs, std::function<std::string(const Workload&)> name_of,
             std::function<void(const Repair&)> on_answer)
      : context_(context),
        migrator_(migrator),
        decider_(decider),
        jobs_(jobs),
        name_of_(std::move(name_of)),
        on_answer_(std::move(on_answer)) {}

  // Begins to submit a repair, the latest decision of the decider.
  void Submit(Repair repair);

 private:
  // What the Migrator answered, or the high memory pressure because of which it was not asked.
  using Answer = std::variant<absl::StatusOr<Migration>, double>;

  // On a thread of the job.
  Answer Ask(const Repair& repair, const JobWatch& watch) const;
  void Take(Repair repair, const Answer& answer);
  void TakeMigration(const Repair& repair, const Migration& migration);

  const EngineContext& context_;
  Migrator& migrator_;
  RepairDecider& decider_;
  WorkloadJobs& jobs_;
  const std::function<std::string(const Workload&)> name_of_;
  const std::function<void(const Repair&)> on_answer_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_REPAIR_JOBS_H_
