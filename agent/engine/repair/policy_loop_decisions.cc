// The part of the PolicyLoop that decides, and acts on what it has decided.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/engine/repair/policy_loop.h"
#include "agent/engine/workload/node_room.h"
#include "agent/model/policy_match.h"

namespace numalocality {
namespace {

bool IsSame(const RepairDecision& a, const RepairDecision& b) {
  return a.verdict == b.verdict && a.reason == b.reason && a.policy == b.policy;
}

// As far as this decision goes, its memory is where it should be.
bool IsAtHome(const RepairDecision& decision) {
  return decision.reason == RepairReason::kLocal || decision.reason == RepairReason::kTooLittle;
}

}  // namespace

absl::Time PolicyLoop::DecideDue(absl::Time now) {
  const bool all = std::exchange(decide_all_, false);
  facts_ = FactsNow(now);
  absl::Time next = absl::InfiniteFuture();
  bool some_are_unnamed = false;
  for (auto& [path, tracked] : tracked_) {
    const bool is_due = all || tracked.shown == nullptr || tracked.decided != tracked.read ||
                        tracked.shown->decision->next <= now;
    if (is_due) Decide(tracked);
    next = std::min(next, tracked.shown->decision->next);
    const WorkloadPlacement& placement = tracked.read->placement;
    some_are_unnamed =
        some_are_unnamed || (placement.workload.container.has_value() && !placement.is_sandbox &&
                             tracked.shown->description.names.container.empty());
  }
  if (some_are_unnamed) sources_.ask_names();
  return next;
}

void PolicyLoop::Decide(Tracked& tracked) {
  const WorkloadReport& report = *tracked.read;
  const Workload& workload = report.placement.workload;
  ContainerDescription description;
  if (workload.container.has_value()) description = sources_.describe(*workload.container);
  const PolicyMatch match =
      MatchPolicy(*configuration_, workload, description, sources_.metadata_expected);
  RepairHistory& history = histories_[workload.cgroup_id];
  history = AfterReport(std::move(history), report, match.policy, facts_.now);
  AddFacts(tracked);
  DecidedRepair decided = DecideRepair(report, match, history, topology_, facts_);
  // Whether there is room is asked of what is free now.
  if (decided.decision.verdict == RepairVerdict::kRepair && !topology_is_fresh_ && ReadTopology()) {
    facts_ = FactsNow(facts_.now);
    AddFacts(tracked);
    decided = DecideRepair(report, match, history, topology_, facts_);
  }
  const WorkloadReport* const before = tracked.shown.get();
  // Memory that has left a home that is as it was did so for a reason of its own.
  if (before != nullptr && IsAtHome(*before->decision) && before->home_since == report.home_since) {
    tracked.trigger = tracked.read_trigger;
  }
  if (decided.decision.verdict == RepairVerdict::kRepair) {
    Submit(tracked, *match.policy, decided);
    facts_ = FactsNow(facts_.now);
  }
  const bool is_new = before == nullptr || !IsSame(*before->decision, decided.decision);
  decided.decision.since = is_new ? facts_.now : before->decision->since;
  if (is_new) Tell(report, decided.decision, before == nullptr);
  // Mostly all is as it was, and nothing need be made.
  if (!is_new && tracked.decided == tracked.read && before->description == description &&
      before->decision->message == decided.decision.message &&
      before->decision->next == decided.decision.next) {
    return;
  }
  auto shown = std::make_shared<WorkloadReport>(report);
  shown->placement.workload.names = description.names;
  shown->description = std::move(description);
  shown->decision = std::move(decided.decision);
  tracked.shown = std::move(shown);
  tracked.decided = tracked.read;
}

RepairFacts PolicyLoop::FactsNow(absl::Time now) const {
  RepairFacts facts;
  facts.now = now;
  facts.cleared_nodes = active_.ClearedNodes(now);
  facts.cleared_until = active_.ClearedUntil();
  const auto reserves = ReserveBytes(topology_, configuration_->limits.node_reserve, watermarks_);
  for (const auto& [id, node] : topology_.nodes) {
    facts.room_bytes[id] = node.free_bytes - reserves.at(id) - active_.ClaimedBytes(id);
  }
  facts.may_start =
      active_.RepairCount() < std::max(1, configuration_->limits.concurrent_migrations - 1);
  facts.bytes_per_second = bytes_per_second_;
  return facts;
}

void PolicyLoop::AddFacts(const Tracked& tracked) {
  const Workload& workload = tracked.read->placement.workload;
  facts_.migration_id = active_.Moving(workload);
  facts_.refused.reset();
  if (tracked.refused_until > facts_.now) facts_.refused = tracked.refused;
  facts_.reserved_until.reset();
  for (const Reservation& reservation : reservations_) {
    for (const Workload& held : reservation.workloads) {
      if (!held.Overlaps(workload)) continue;
      facts_.reserved_until = reservation.expire_time;
      facts_.reserved_by = reservation.owner.empty() ? "a controller" : reservation.owner;
    }
  }
}

void PolicyLoop::Submit(Tracked& tracked, const LocalityPolicy& policy, DecidedRepair& decided) {
  const MigrationRequest request =
      RepairRequest(*tracked.read, policy, topology_, decided.estimate, tracked.trigger);
  const auto migration = migrator_.Submit(request);
  if (migration.ok()) {
    active_.AddRepair(*migration, tracked.read->placement.home_nodes);
    LogInfo(absl::StrCat("repair id=", migration->id, " policy=", policy.name, " workload=\"",
                         tracked.read->placement.workload.ToString(), "\" trigger=\"",
                         LogSafe(tracked.trigger), "\" bytes=", decided.estimate.bytes));
    return;
  }
  tracked.refused = std::string(migration.status().message());
  tracked.refused_until = facts_.now + kRefusedFor;
  decided.decision.verdict = RepairVerdict::kWait;
  decided.decision.reason = RepairReason::kRefused;
  decided.decision.message = tracked.refused;
  decided.decision.next = tracked.refused_until;
}

void PolicyLoop::Tell(const WorkloadReport& report, const RepairDecision& decision, bool is_first) {
  totals_.Add(decision);
  // At its start the agent leaves most workloads alone, and that is no news.
  if (is_first && decision.verdict == RepairVerdict::kLeave) return;
  LogInfo(absl::StrCat("decision verdict=", RepairVerdictName(decision.verdict), " reason=",
                       RepairReasonName(decision.reason), " policy=", LogSafe(decision.policy),
                       " workload=\"", report.placement.workload.ToString(), "\" message=\"",
                       LogSafe(decision.message), "\""));
}

}  // namespace numalocality
