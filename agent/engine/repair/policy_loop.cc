#include "agent/engine/repair/policy_loop.h"

#include <time.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/process/process_cgroup.h"

namespace numalocality {
namespace {

// CPU time of the calling thread.
absl::Duration ThreadCpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

std::vector<std::string> PlainCgroups(const Configuration& configuration) {
  std::set<std::string> paths;
  for (const LocalityPolicy& policy : configuration.policies) {
    paths.insert(policy.selector.cgroup_paths.begin(), policy.selector.cgroup_paths.end());
  }
  return {paths.begin(), paths.end()};
}

bool IsSame(const RepairDecision& a, const RepairDecision& b) {
  return a.verdict == b.verdict && a.reason == b.reason && a.policy == b.policy;
}

// As far as this decision goes, the workload's memory is where it should be.
bool IsAtHome(const RepairDecision& decision) {
  return decision.reason == RepairReason::kLocal || decision.reason == RepairReason::kTooLittle;
}

}  // namespace

PolicyLoop::PolicyLoop(const EngineContext& context, PolicyLoopSources sources, Migrator& migrator,
                       ReportBoard& board, TotalsCounter& totals)
    : context_(context),
      sources_(std::move(sources)),
      migrator_(migrator),
      board_(board),
      totals_(totals),
      reader_(context),
      configuration_(sources_.configuration()),
      decider_(sources_.describe, sources_.metadata_expected) {}

PolicyLoop::~PolicyLoop() { Stop(); }

void PolicyLoop::Restore(const std::vector<Migration>& ended) {
  for (const Migration& migration : ended) {
    decider_.Update(migration, *configuration_, migration.end_time);
  }
}

void PolicyLoop::Start() {
  auto watch = CgroupWatch::Create(context_.host);
  if (watch.ok()) {
    watch_.emplace(*std::move(watch));
    if (!sources_.kubelet_dir.empty()) watch_->WatchKubelet(sources_.kubelet_dir);
  }
  SetWatchStatus(watch.status());
  thread_ = std::thread([this] { Run(); });
}

void PolicyLoop::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  if (watch_.has_value()) watch_->Wake();
  if (thread_.joinable()) thread_.join();
}

void PolicyLoop::Run() {
  CgroupNews news;
  while (true) {
    const absl::Time next = Tick(news);
    // Events that arrive meanwhile are handled together in the next step.
    context_.clock.Sleep(kStepInterval);
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      if (!inbox_.empty() || is_woken_) {
        news = watch_.has_value() ? watch_->Wait(absl::ZeroDuration()) : CgroupNews();
        continue;
      }
    }
    const absl::Duration wait = std::max(next - context_.clock.Now(), absl::ZeroDuration());
    if (watch_.has_value()) {
      news = watch_->Wait(wait);
    } else {
      context_.clock.Sleep(std::min(wait, absl::Seconds(1)));
    }
  }
}

void PolicyLoop::Wake() {
  {
    MutexLock lock(mutex_);
    is_woken_ = true;
  }
  if (watch_.has_value()) watch_->Wake();
}

void PolicyLoop::OnMigration(const Migration& migration) {
  if (migration.state != MigrationState::kPending && !IsFinal(migration.state)) return;
  {
    MutexLock lock(mutex_);
    inbox_.push_back(migration);
  }
  if (watch_.has_value()) watch_->Wake();
}

absl::Time PolicyLoop::last_tick() const {
  MutexLock lock(mutex_);
  return last_tick_;
}

absl::Time PolicyLoop::Tick(const CgroupNews& news) {
  const absl::Duration cpu_before = ThreadCpuTime();
  const absl::Time now = context_.clock.Now();
  TakeConfiguration();
  topology_is_fresh_ = false;
  reservations_ = migrator_.reservations().List();
  if (news.kubelet_wrote) sources_.ask_names();
  // Reports of written cgroups come before those of ended migrations: they name the trigger.
  const bool all_were_read = ReadDue(news, now);
  TakeInbox();
  DropGone();
  if (all_were_read) ForgetGone();
  // Reading takes time: the changes that it found may be later than `now`.
  const absl::Time next_decision = DecideDue(context_.clock.Now());
  if (read_time_ == now) read_cpu_time_ = ThreadCpuTime() - cpu_before;
  Publish(now);
  MutexLock lock(mutex_);
  last_tick_ = now;
  absl::Time next = std::min(read_time_ + configuration_->period, next_decision);
  if (tree_changed_) next = std::min(next, walk_time_ + kWalkInterval);
  return next;
}

void PolicyLoop::TakeConfiguration() {
  auto configuration = sources_.configuration();
  // Policies of the new configuration may select other cgroups.
  if (configuration != configuration_) tree_changed_ = true;
  configuration_ = std::move(configuration);
}

void PolicyLoop::TakeInbox() {
  std::vector<Migration> inbox;
  {
    MutexLock lock(mutex_);
    inbox.swap(inbox_);
    const bool is_woken = std::exchange(is_woken_, false);
    decide_all_ = decide_all_ || is_woken || !inbox.empty();
  }
  for (const Migration& migration : inbox) {
    TakeIn(migration);
    if (!IsFinal(migration.state)) continue;
    ReadTopology();
    for (const WorkloadMigration& result : migration.workloads) {
      const std::string& path = result.workload.cgroup_path;
      reader_.Resample(path);
      Track(reader_.ReadBelow(path, topology_), absl::StrCat("migration ", migration.id, " ended"));
    }
  }
}

void PolicyLoop::TakeIn(const Migration& migration) {
  for (const FruitlessRepair& repair :
       decider_.Update(migration, *configuration_, context_.clock.Now())) {
    totals_.AddRepairWithoutGain();
    LogWarning(absl::StrCat("repair without gain id=", migration.id, " workload=\"",
                            repair.workload.ToString(), "\" in_a_row=", repair.in_a_row));
  }
}

bool PolicyLoop::ReadDue(const CgroupNews& news, absl::Time now) {
  tree_changed_ = tree_changed_ || news.tree_changed || news.lost;
  const bool tree_changed = tree_changed_;
  const bool walked = WalkIfDue(now);
  const bool read_all = walked || news.lost || now >= read_time_ + configuration_->period;
  if (!read_all && news.written.empty()) return false;
  if (read_all) read_time_ = now;  // also if it fails: then it is tried again after a period
  if (!ReadTopology()) return false;
  for (const auto& [path, file] : news.written) {
    Track(reader_.ReadBelow(path, topology_), absl::StrCat(file, " of ", path, " written"));
  }
  if (!read_all) return false;
  Track(reader_.ReadAll(topology_),
        walked && tree_changed ? "containers were created or removed" : "timer");
  decide_all_ = true;
  return true;
}

bool PolicyLoop::ReadTopology() {
  if (topology_is_fresh_) return true;
  auto topology = TopologyReader(context_.host).Read();
  if (!topology.ok()) {
    LogError(absl::StrCat("cannot report placements: ", topology.status().message()));
    return false;
  }
  topology_ = *std::move(topology);
  topology_is_fresh_ = true;
  return true;
}

bool PolicyLoop::WalkIfDue(absl::Time now) {
  // Without a working watch only the timer finds changes.
  const bool is_watching = watch_.has_value() && watch_status().ok();
  const absl::Duration longest = is_watching ? kLongestWalkInterval : configuration_->period;
  const bool due = now >= walk_time_ + (tree_changed_ ? kWalkInterval : longest);
  if (!due) return false;
  walk_time_ = now;
  tree_changed_ = false;
  const absl::Status status = Walk();
  // A failed walk is made again soon, and the same error is logged once.
  if (!status.ok() && status != walk_status_) {
    LogWarning(absl::StrCat("cannot list containers: ", LogSafe(status.message())));
  }
  walk_status_ = status;
  tree_changed_ = tree_changed_ || !status.ok();
  return status.ok();
}

absl::Status PolicyLoop::Walk() {
  FindOwnPlace(context_.host);
  NL_ASSIGN_OR_RETURN(watermarks_, TopologyReader(context_.host).ReadHighWatermarks());
  NL_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                      reader_.FindWorkloads(PlainCgroups(*configuration_)));
  for (const std::string& path : reader_.Paths()) paths.push_back(path);
  if (!watch_.has_value()) return absl::OkStatus();
  const auto some_are_new = watch_->Watch(paths);
  if (some_are_new.ok()) tree_changed_ = *some_are_new;
  SetWatchStatus(some_are_new.status());
  return absl::OkStatus();
}

void PolicyLoop::SetWatchStatus(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (!status.ok() && watch_status_.ok()) {
    LogWarning(absl::StrCat("cannot watch cgroups, so changes are noticed only once per period: ",
                            status.message()));
  }
  watch_status_ = status;
}

void PolicyLoop::Track(const Reports& changed, const std::string& trigger) {
  for (const auto& report : changed) {
    Tracked& tracked = tracked_[report->placement.workload.cgroup_path];
    const bool is_other = tracked.read == nullptr || tracked.read->placement.workload.cgroup_id !=
                                                         report->placement.workload.cgroup_id;
    if (is_other) tracked = Tracked();
    // The event that changed its home is the trigger of all repairs that follow.
    if (is_other || tracked.read->home_since != report->home_since) tracked.trigger = trigger;
    tracked.read_trigger = trigger;
    tracked.read = report;
  }
}

void PolicyLoop::DropGone() {
  const Reports reports = reader_.All();
  if (tracked_.size() == reports.size()) return;
  std::set<std::string> paths;
  for (const auto& report : reports) paths.insert(report->placement.workload.cgroup_path);
  std::erase_if(tracked_, [&](const auto& entry) { return !paths.contains(entry.first); });
}

void PolicyLoop::ForgetGone() {
  std::set<uint64_t> ids;
  for (const auto& [path, tracked] : tracked_) {
    ids.insert(tracked.read->placement.workload.cgroup_id);
  }
  decider_.ForgetExcept(ids);
}

absl::Time PolicyLoop::DecideDue(absl::Time now) {
  const bool all = std::exchange(decide_all_, false);
  decider_.BeginRound(RoundAt(now));
  absl::Time next = absl::InfiniteFuture();
  bool some_are_unnamed = false;
  for (auto& [path, tracked] : tracked_) {
    const bool is_due = all || tracked.shown == nullptr || tracked.decided != tracked.read ||
                        tracked.shown->decision->next <= now;
    if (is_due) Decide(tracked, now);
    next = std::min(next, tracked.shown->decision->next);
    const WorkloadPlacement& placement = tracked.read->placement;
    some_are_unnamed =
        some_are_unnamed || (placement.workload.container.has_value() && !placement.is_sandbox &&
                             tracked.shown->description.names.container.empty());
  }
  if (some_are_unnamed) sources_.ask_names();
  return next;
}

DecisionRound PolicyLoop::RoundAt(absl::Time now) const {
  return {now, *configuration_, topology_, watermarks_, reservations_};
}

void PolicyLoop::Decide(Tracked& tracked, absl::Time now) {
  const WorkloadReport& report = *tracked.read;
  WorkloadDecision result = decider_.Decide(report);
  // Free memory changes quickly: a repair is decided by a topology that was read in this step.
  if (result.decided.decision.verdict == RepairVerdict::kRepair && !topology_is_fresh_ &&
      ReadTopology()) {
    decider_.BeginRound(RoundAt(now));
    result = decider_.Decide(report);
  }
  const WorkloadReport* const before = tracked.shown.get();
  // The home has not changed since memory was there: whatever made the loop read the report now
  // made the memory leave.
  if (before != nullptr && IsAtHome(*before->decision) && before->home_since == report.home_since) {
    tracked.trigger = tracked.read_trigger;
  }
  RepairDecision& decision = result.decided.decision;
  if (decision.verdict == RepairVerdict::kRepair) {
    Submit(tracked, *result.match.policy, now, result.decided);
  }
  const bool is_new = before == nullptr || !IsSame(*before->decision, decision);
  decision.since = is_new ? now : before->decision->since;
  if (is_new) CountAndLog(report, decision, before == nullptr);
  // In most steps nothing has changed, and the report that is shown stays.
  if (!is_new && tracked.decided == tracked.read && before->description == result.description &&
      before->decision->message == decision.message && before->decision->next == decision.next) {
    return;
  }
  auto shown = std::make_shared<WorkloadReport>(report);
  shown->placement.workload.names = result.description.names;
  shown->description = std::move(result.description);
  shown->decision = std::move(decision);
  tracked.shown = std::move(shown);
  tracked.decided = tracked.read;
}

void PolicyLoop::Submit(const Tracked& tracked, const LocalityPolicy& policy, absl::Time now,
                        DecidedRepair& decided) {
  const WorkloadPlacement& placement = tracked.read->placement;
  const MigrationRequest request =
      RepairRequest(*tracked.read, policy, topology_, decided.estimate, tracked.trigger);
  const auto migration = migrator_.Submit(request);
  if (migration.ok()) {
    decider_.AddRepair(*migration, placement.home_nodes);
    LogInfo(absl::StrCat("repair id=", migration->id, " policy=", policy.name, " workload=\"",
                         placement.workload.ToString(), "\" trigger=\"", LogSafe(tracked.trigger),
                         "\" bytes=", decided.estimate.bytes));
    return;
  }
  decided.decision.verdict = RepairVerdict::kWait;
  decided.decision.reason = RepairReason::kRefused;
  decided.decision.message = std::string(migration.status().message());
  decided.decision.next = now + kRefusedFor;
  decider_.AddRefusal(placement.workload, decided.decision.message, decided.decision.next);
}

void PolicyLoop::CountAndLog(const WorkloadReport& report, const RepairDecision& decision,
                             bool is_first) {
  totals_.Add(decision);
  // A starting agent leaves most workloads alone: that would only fill the log.
  if (is_first && decision.verdict == RepairVerdict::kLeave) return;
  LogInfo(absl::StrCat("decision verdict=", KeyOf(decision.verdict),
                       " reason=", KeyOf(decision.reason), " policy=", LogSafe(decision.policy),
                       " workload=\"", report.placement.workload.ToString(), "\" message=\"",
                       LogSafe(decision.message), "\""));
}

void PolicyLoop::Publish(absl::Time now) {
  auto report = std::make_shared<LocalityReport>();
  report->read_time = now;
  report->cpu_time = read_cpu_time_;
  report->topology = topology_;
  report->workloads.reserve(tracked_.size());
  for (const auto& [path, tracked] : tracked_) report->workloads.push_back(tracked.shown);
  board_.Publish(std::move(report));
}

}  // namespace numalocality
