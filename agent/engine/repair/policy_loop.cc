#include "agent/engine/repair/policy_loop.h"

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

std::vector<std::string> PlainCgroups(const Configuration& configuration) {
  std::set<std::string> paths;
  for (const LocalityPolicy& policy : configuration.policies) {
    paths.insert(policy.selector.cgroup_paths.begin(), policy.selector.cgroup_paths.end());
  }
  return {paths.begin(), paths.end()};
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
      decider_(sources_.describe, sources_.metadata_expected),
      report_jobs_(
          reader_, jobs_, [this](const Workload& workload) { return NameOf(workload); },
          [this](const Reading& reading) { TakeReading(reading); }),
      repair_jobs_(
          context_, migrator_, decider_, jobs_,
          [this](const Workload& workload) { return NameOf(workload); },
          [this](const Repair& repair) { TakeAnswer(repair); }),
      jobs_(context.clock, [this] { WakeThread(); }) {}

PolicyLoop::~PolicyLoop() { Stop(); }

void PolicyLoop::Restore(const std::vector<Migration>& ended) {
  for (const Migration& migration : ended) {
    decider_.Update(migration, *configuration_, migration.ended_at);
  }
}

void PolicyLoop::Start() {
  auto watch = CgroupWatch::Create(context_.host);
  SetWatchStatus(watch.status());
  if (watch.ok()) {
    MutexLock lock(mutex_);
    watch_.emplace(*std::move(watch));
    if (!sources_.kubelet_dir.empty()) watch_->WatchKubelet(sources_.kubelet_dir);
  }
  jobs_.Start();
  thread_ = std::thread([this] { Run(); });
}

std::vector<std::string> PolicyLoop::Stop(absl::Duration grace) {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  WakeThread();
  if (thread_.joinable()) thread_.join();
  return jobs_.Stop(grace);
}

void PolicyLoop::Run() {
  CgroupNews news;
  while (true) {
    const absl::Duration next = Tick(news);
    // Events that arrive meanwhile are handled together in the next step.
    context_.clock.Sleep(kStepInterval);
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      if (!inbox_.empty() || is_woken_ || jobs_.HasEndings()) {
        news = watch_.has_value() ? watch_->Wait(absl::ZeroDuration()) : CgroupNews();
        continue;
      }
    }
    const absl::Duration wait = std::max(next - context_.clock.Monotonic(), absl::ZeroDuration());
    if (watch_.has_value()) {
      news = watch_->Wait(wait);
    } else {
      context_.clock.Sleep(std::min(wait, absl::Seconds(1)));
    }
  }
}

void PolicyLoop::WakeThread() {
  MutexLock lock(mutex_);
  if (watch_.has_value()) watch_->Wake();
}

void PolicyLoop::Wake() {
  {
    MutexLock lock(mutex_);
    is_woken_ = true;
  }
  WakeThread();
}

void PolicyLoop::OnMigration(const Migration& migration) {
  if (migration.state != MigrationState::kPending && !IsFinal(migration.state)) return;
  {
    MutexLock lock(mutex_);
    inbox_.push_back(migration);
  }
  WakeThread();
}

absl::Duration PolicyLoop::last_tick() const {
  MutexLock lock(mutex_);
  return last_tick_;
}

absl::Duration PolicyLoop::Tick(const CgroupNews& news) {
  const absl::Duration cpu_before = ThreadCpuTime();
  const absl::Duration now = context_.clock.Monotonic();
  TakeConfiguration();
  topology_is_fresh_ = false;
  reservations_ = migrator_.reservations().List();
  if (news.kubelet_wrote) sources_.ask_names();
  // Reports of written cgroups come before those of ended migrations: they name the trigger.
  const bool all_are_read = ReadDue(news, now);
  TakeInbox();
  jobs_.CallEndings(kPatience);
  DropGone();
  if (all_are_read && walk_status_.ok()) ForgetGone();
  // Reading takes time: the changes that it found may be later than `now`.
  DecideDue(context_.clock.Monotonic());
  jobs_.CallEndings(kPatience);
  AskForNames();
  if (read_at_ == now) read_cpu_time_ += ThreadCpuTime() - cpu_before;
  Publish();
  MutexLock lock(mutex_);
  last_tick_ = now;
  absl::Duration next =
      std::min(read_at_ + configuration_->period, NextDue(context_.clock.Monotonic()));
  if (tree_changed_) next = std::min(next, walked_at_ + kWalkInterval);
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
      for (const ReportReader::Kept& kept : reader_.Below(path)) {
        report_jobs_.Read(kept, topology_,
                          {absl::StrCat("migration ", migration.id, " ended"),
                           kept->workload.cgroup_path == path});
      }
    }
  }
}

void PolicyLoop::TakeIn(const Migration& migration) {
  for (const FruitlessRepair& repair :
       decider_.Update(migration, *configuration_, context_.clock.Monotonic())) {
    totals_.AddRepairWithoutGain();
    LogWarning(absl::StrCat("repair without gain id=", migration.id, " workload=\"",
                            LogSafe(repair.workload.ToString()), "\" in_a_row=", repair.in_a_row));
  }
}

bool PolicyLoop::ReadDue(const CgroupNews& news, absl::Duration now) {
  tree_changed_ = tree_changed_ || news.tree_changed || news.lost;
  const bool tree_changed = tree_changed_;
  const bool walked = WalkIfDue(now);
  const bool read_all = walked || news.lost || now >= read_at_ + configuration_->period;
  if (!read_all && news.written.empty()) return false;
  if (read_all) {
    read_at_ = now;  // also if it fails: then it is tried again after a period
    read_cpu_time_ = absl::ZeroDuration();
  }
  if (!ReadTopology()) return false;
  for (const auto& [path, file] : news.written) {
    for (const ReportReader::Kept& kept : reader_.Below(path)) {
      report_jobs_.Read(kept, topology_, {absl::StrCat(file, " of ", path, " written")});
    }
  }
  if (!read_all) return false;
  for (const ReportReader::Kept& kept : reader_.Below("/")) {
    Track(kept->workload);
    // One that is being read needs no second reading.
    if (jobs_.IsBusy(kept->workload.cgroup_id)) continue;
    report_jobs_.Read(kept, topology_,
                      {walked && tree_changed ? "containers were created or removed" : "timer"});
  }
  decide_all_ = true;
  return true;
}

void PolicyLoop::TakeReading(const Reading& reading) {
  read_cpu_time_ += reading.cpu_time;
  TrackedWorkload& tracked = Track(reading.workload);
  if (reading.report.ok()) return tracked.Take(*reading.report, reading.cause.trigger);
  const std::string message(reading.report.status().message());
  LogWarning(absl::StrCat("placement of ", NameOf(reading.workload),
                          " is out of date: ", LogSafe(message)));
  tracked.unread = message;
}

std::string PolicyLoop::NameOf(const Workload& workload) const {
  if (!workload.container.has_value()) return workload.ToString();
  const ContainerNames names = sources_.describe(*workload.container).names;
  if (names.pod.empty()) return workload.ToString();
  return absl::StrCat(names.pod_namespace, "/", names.pod, "/", names.container);
}

bool PolicyLoop::ReadTopology() {
  if (topology_is_fresh_) return true;
  auto topology = TopologyReader(context_.host).Read();
  if (!topology.ok()) {
    LogError(absl::StrCat("cannot report placements: ", topology.status().message()));
    return false;
  }
  topology_ = std::make_shared<Topology>(*std::move(topology));
  topology_is_fresh_ = true;
  return true;
}

bool PolicyLoop::WalkIfDue(absl::Duration now) {
  // Without a working watch only the timer finds changes.
  const bool is_watching = watch_.has_value() && watch_status().ok();
  const absl::Duration longest = is_watching ? kLongestWalkInterval : configuration_->period;
  const bool due = now >= walked_at_ + (tree_changed_ ? kWalkInterval : longest);
  if (!due) return false;
  walked_at_ = now;
  tree_changed_ = false;
  const absl::Status status = jobs_.Watched("search for containers", "a read of the cgroup tree",
                                            [this] { return Walk(); });
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
  NL_ASSIGN_OR_RETURN(watermarks_, TopologyReader(context_.host).ReadWatermarks());
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

TrackedWorkload& PolicyLoop::Track(const Workload& workload) {
  const auto found = tracked_.find(workload.cgroup_path);
  if (found != tracked_.end() && found->second.workload().cgroup_id == workload.cgroup_id) {
    return found->second;
  }
  const TrackedWorkload unread(workload, context_.clock.Now());
  return tracked_.insert_or_assign(workload.cgroup_path, unread).first->second;
}

void PolicyLoop::DropGone() {
  std::erase_if(tracked_, [&](const auto& entry) { return !reader_.Has(entry.second.workload()); });
}

void PolicyLoop::ForgetGone() {
  std::set<RepairDecider::CgroupKey> cgroups;
  for (const ReportReader::Kept& kept : reader_.Below("/")) {
    cgroups.insert(kept->workload.CgroupKey());
  }
  decider_.ForgetExcept(cgroups);
}

void PolicyLoop::DecideDue(absl::Duration now) {
  const bool all = std::exchange(decide_all_, false);
  decider_.BeginRound(RoundAt(now));
  // Who was moved last comes last: a repair that took too long queues up behind others.
  std::vector<TrackedWorkload*> in_order;
  for (auto& [path, tracked] : tracked_) in_order.push_back(&tracked);
  std::stable_sort(in_order.begin(), in_order.end(), [this](const auto* a, const auto* b) {
    return decider_.LastEnd(a->workload()) < decider_.LastEnd(b->workload());
  });
  for (TrackedWorkload* const each : in_order) {
    TrackedWorkload& tracked = *each;
    const uint64_t id = tracked.workload().cgroup_id;
    if (const auto busy_for = jobs_.BusyFor(id); busy_for.has_value()) {
      if (all) tracked.decided = nullptr;  // decided once its job has ended
      if (*busy_for >= kStalledAfter) LeaveUnread(tracked, jobs_.Describe(id));
    } else if (!tracked.unread.empty()) {
      LeaveUnread(tracked, tracked.unread);
    } else if ((all && tracked.was_read) || tracked.IsDue(now)) {
      Decide(tracked, now);
    }
  }
}

absl::Duration PolicyLoop::NextDue(absl::Duration now) const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [path, tracked] : tracked_) {
    const auto busy_for = jobs_.BusyFor(tracked.workload().cgroup_id);
    if (!busy_for.has_value() && tracked.unread.empty()) {
      next = std::min(next, tracked.NextDue(now));
    } else if (busy_for.has_value() && *busy_for < kStalledAfter) {
      next = std::min(next, now + kStalledAfter - *busy_for);
    }
  }
  return next;
}

void PolicyLoop::AskForNames() const {
  const bool some_are_unnamed =
      std::any_of(tracked_.begin(), tracked_.end(), [](const auto& entry) {
        const TrackedWorkload& tracked = entry.second;
        return tracked.shown != nullptr && tracked.workload().container.has_value() &&
               !tracked.shown->placement.IsSandbox() &&
               tracked.shown->description.names.container.empty();
      });
  if (some_are_unnamed) sources_.ask_names();
}

DecisionRound PolicyLoop::RoundAt(absl::Duration now) const {
  return {now, *configuration_, *topology_, watermarks_, reservations_, migrator_.StalledRepairs()};
}

void PolicyLoop::LeaveUnread(TrackedWorkload& tracked, const std::string& why) {
  // Decided again once it has been read.
  tracked.decided = nullptr;
  const WorkloadReport* const before = tracked.shown.get();
  const std::string message = absl::StrCat(
      tracked.was_read ? "its last report is old: " : "it has not been read yet: ", why);
  if (before != nullptr && before->decision->reason == RepairReason::kUnread &&
      before->decision->message == message) {
    return;
  }
  WorkloadDecision decided;
  const Workload& workload = tracked.workload();
  if (workload.container.has_value()) decided.description = sources_.describe(*workload.container);
  if (before != nullptr) decided.decided.decision.policy = before->decision->policy;
  decided.decided.decision.verdict = RepairVerdict::kWait;
  decided.decided.decision.reason = RepairReason::kUnread;
  decided.decided.decision.message = message;
  Conclude(tracked, std::move(decided));
  tracked.decided = nullptr;
}

void PolicyLoop::Decide(TrackedWorkload& tracked, absl::Duration now) {
  const WorkloadReport& report = *tracked.read;
  WorkloadDecision result = decider_.Decide(report);
  // Free memory changes quickly, and is read only for a workload that would be repaired.
  const bool would_repair = result.decided.decision.verdict == RepairVerdict::kRepair;
  if (would_repair && !topology_is_fresh_ && ReadTopology()) {
    decider_.BeginRound(RoundAt(now));
    result = decider_.Decide(report);
  }
  const WorkloadReport* const before = tracked.shown.get();
  // The home has not changed since memory was there: whatever made the loop read the report now
  // made the memory leave.
  if (before != nullptr && IsAtHome(*before->decision) && before->home_since == report.home_since) {
    tracked.trigger = tracked.read_trigger;
  }
  if (result.decided.decision.verdict == RepairVerdict::kRepair) {
    Submit(tracked, std::move(result));
  } else {
    Conclude(tracked, std::move(result));
  }
}

void PolicyLoop::Conclude(TrackedWorkload& tracked, WorkloadDecision result) {
  const WorkloadReport& report = *tracked.read;
  const WorkloadReport* const before = tracked.shown.get();
  RepairDecision& decision = result.decided.decision;
  const bool is_new = before == nullptr || !IsSame(*before->decision, decision);
  decision.since = is_new ? context_.clock.Now() : before->decision->since;
  decision.next_time = context_.clock.WallTimeAt(decision.next);
  if (is_new) CountAndLog(report, decision, before == nullptr);
  // In most steps nothing has changed, and the report that is shown stays.
  if (!is_new && tracked.decided == tracked.read && before->description == result.description &&
      before->decision->message == decision.message && SameNext(*before->decision, decision)) {
    return;
  }
  auto shown = std::make_shared<WorkloadReport>(report);
  shown->placement.workload.names = result.description.names;
  if (result.description.role != ContainerRole::kUnknown) {
    shown->placement.workload.role = result.description.role;
  }
  shown->description = std::move(result.description);
  shown->decision = std::move(decision);
  tracked.shown = std::move(shown);
  tracked.decided = tracked.read;
}

void PolicyLoop::Submit(const TrackedWorkload& tracked, WorkloadDecision decided) {
  const MigrationRequest request = RepairRequest(*tracked.read, *decided.match.policy, *topology_,
                                                 decided.decided.estimate, tracked.trigger);
  // The policy may be gone when the answer comes.
  decided.match.policy = nullptr;
  repair_jobs_.Submit({tracked.read, request, std::move(decided)});
}

void PolicyLoop::TakeAnswer(const Repair& repair) {
  const Workload& workload = repair.report->placement.workload;
  if (repair.decided.decided.decision.verdict != RepairVerdict::kRepair) {
    for (auto& [path, tracked] : tracked_) tracked.decided = nullptr;  // others may go instead
  }
  const auto found = tracked_.find(workload.cgroup_path);
  if (found != tracked_.end() && found->second.read == repair.report) {
    Conclude(found->second, repair.decided);
  }
  report_jobs_.ReadNoted(workload);
}

void PolicyLoop::CountAndLog(const WorkloadReport& report, const RepairDecision& decision,
                             bool is_first) {
  totals_.Add(decision);
  // A starting agent leaves most workloads alone: that would only fill the log.
  if (is_first && decision.verdict == RepairVerdict::kLeave) return;
  LogInfo(absl::StrCat("decision verdict=", KeyOf(decision.verdict),
                       " reason=", KeyOf(decision.reason), " policy=", LogSafe(decision.policy),
                       " workload=\"", LogSafe(report.placement.workload.ToString()),
                       "\" message=\"", LogSafe(decision.message), "\""));
}

void PolicyLoop::Publish() {
  auto report = std::make_shared<LocalityReport>();
  report->read_time = context_.clock.Now();
  report->cpu_time = read_cpu_time_;
  report->topology = *topology_;
  report->workloads.reserve(tracked_.size());
  for (const auto& [path, tracked] : tracked_) {
    // One that has not been decided yet is shown as it was read, if it was.
    if (tracked.shown == nullptr && !tracked.was_read) continue;
    report->workloads.push_back(tracked.shown != nullptr ? tracked.shown : tracked.read);
  }
  board_.Publish(std::move(report));
}

}  // namespace numalocality
