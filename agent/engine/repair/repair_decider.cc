#include "agent/engine/repair/repair_decider.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/model/room.h"

namespace numalocality {
namespace {

// Weight of the latest repair in the moving average of their speed.
constexpr double kLatestSpeed = 0.3;

}  // namespace

std::vector<FruitlessRepair> RepairDecider::Update(const Migration& migration,
                                                   const Configuration& configuration,
                                                   absl::Duration now) {
  active_.Update(migration, now);
  if (!IsFinal(migration.state)) return {};
  std::map<CgroupKey, int> before;
  for (const WorkloadMigration& result : migration.workloads) {
    const CgroupKey key = result.workload.CgroupKey();
    before[key] = remembered_[key].history.fruitless;
  }
  Learn(migration, configuration);
  std::vector<FruitlessRepair> fruitless;
  for (const WorkloadMigration& result : migration.workloads) {
    const CgroupKey key = result.workload.CgroupKey();
    const int in_a_row = remembered_[key].history.fruitless;
    if (in_a_row > before[key]) fruitless.push_back({result.workload, in_a_row});
  }
  return fruitless;
}

void RepairDecider::Learn(const Migration& ended, const Configuration& configuration) {
  const bool is_repair = ended.request.origin == MigrationOrigin::kPolicy;
  const LocalityPolicy* const policy =
      is_repair ? configuration.FindPolicy(ended.request.policy) : nullptr;
  const absl::Duration time = ended.ended_at - ended.started_at;
  for (const WorkloadMigration& result : ended.workloads) {
    RepairHistory& history = remembered_[result.workload.CgroupKey()].history;
    history = AfterMigration(std::move(history), ended, result, policy);
    const bool has_run = result.reason != MigrationReason::kUnderPressure;
    if (!is_repair || !has_run || time <= absl::ZeroDuration()) continue;
    const auto bytes = static_cast<double>(result.outcomes[PageOutcome::kMoved] * ended.page_bytes);
    const double speed = bytes / absl::ToDoubleSeconds(time);
    bytes_per_second_ = bytes_per_second_ == 0
                            ? speed
                            : kLatestSpeed * speed + (1 - kLatestSpeed) * bytes_per_second_;
  }
}

void RepairDecider::BeginRound(const DecisionRound& round) {
  round_.emplace(round);
  common_ = CommonFacts();
}

absl::Duration RepairDecider::LastEnd(const Workload& workload) const {
  const auto found = remembered_.find(workload.CgroupKey());
  return found == remembered_.end() ? -absl::InfiniteDuration() : found->second.history.last_end;
}

WorkloadDecision RepairDecider::Decide(const WorkloadReport& report) {
  const Workload& workload = report.placement.workload;
  WorkloadDecision result;
  if (workload.container.has_value()) result.description = describe_(*workload.container);
  result.match =
      MatchPolicy(round_->configuration, workload, result.description, metadata_expected_);
  Remembered& remembered = remembered_[workload.CgroupKey()];
  remembered.history =
      AfterReport(std::move(remembered.history), report, result.match.policy, round_->now);
  const RepairFacts facts = FactsOf(workload, remembered);
  result.decided = DecideRepair(report, result.match, remembered.history, round_->topology, facts);
  return result;
}

RepairFacts RepairDecider::CommonFacts() const {
  RepairFacts facts;
  facts.now = round_->now;
  facts.cleared_nodes = active_.ClearedNodes(facts.now);
  facts.cleared_until = active_.ClearedUntil();
  const auto& limits = round_->configuration.limits;
  const auto reserves = ReserveBytes(round_->topology, limits.room.reserve, round_->watermarks);
  for (const auto& [id, node] : round_->topology.nodes) {
    const RoomCount room = CountRoom(node.free_bytes, reserves.at(id), limits.room.reclaim_cache,
                                     node.clean_cache_bytes, node.clean_cache_bytes);
    facts.room[id] = room;
    facts.room_bytes[id] = room.Bytes() - active_.ClaimedBytes(id);
  }
  // Those that wait for a call that does not return leave their place to others.
  const int running = active_.RepairCount() - static_cast<int>(round_->stalled.size());
  facts.may_start = running < std::max(1, limits.concurrent_migrations - 1);
  facts.bytes_per_second = bytes_per_second_;
  return facts;
}

RepairFacts RepairDecider::FactsOf(const Workload& workload, const Remembered& remembered) const {
  RepairFacts facts = common_;
  facts.migration_id = active_.Moving(workload);
  if (remembered.refused_until > facts.now) facts.refused = remembered.refused;
  if (remembered.pressed_until > facts.now) facts.pressure = remembered.pressure;
  for (const Workload& stalled : round_->stalled) {
    // Else one pod with many containers takes all threads.
    if (stalled.PodKey() != workload.PodKey()) continue;
    facts.refused = absl::StrCat("a repair of the same pod or cgroup, of ", stalled.ToString(),
                                 ", waits for a kernel call that does not return: see "
                                 "'localityctl doctor'");
  }
  for (const Reservation& reservation : round_->reservations) {
    if (!reservation.Covers(workload)) continue;
    facts.reserved_until = reservation.expires_at;
    facts.reserved_by = reservation.owner.empty() ? "a controller" : reservation.owner;
  }
  return facts;
}

void RepairDecider::ClaimRepair(const WorkloadPlacement& placement,
                                const RepairEstimate& estimate) {
  active_.Claim(placement.workload, placement.home_nodes, estimate.bytes);
  common_ = CommonFacts();
}

void RepairDecider::AddRepair(const WorkloadPlacement& placement, const Migration& migration) {
  active_.DropClaim(placement.workload);
  active_.AddRepair(migration, placement.home_nodes);
}

void RepairDecider::AddRefusal(const Workload& workload, std::string message,
                               absl::Duration until) {
  active_.DropClaim(workload);
  Remembered& remembered = remembered_[workload.CgroupKey()];
  remembered.refused = std::move(message);
  remembered.refused_until = until;
}

void RepairDecider::AddPressure(const Workload& workload, double pressure, absl::Duration until) {
  active_.DropClaim(workload);
  Remembered& remembered = remembered_[workload.CgroupKey()];
  remembered.pressure = pressure;
  remembered.pressed_until = until;
}

void RepairDecider::ForgetExcept(const std::set<CgroupKey>& cgroups) {
  std::erase_if(remembered_, [&](const auto& entry) { return !cgroups.contains(entry.first); });
}

}  // namespace numalocality
