#include "agent/engine/repair/policy_loop.h"

#include <time.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality {
namespace {

// How much the latest repair's speed counts.
constexpr double kLatestSpeed = 0.3;

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

}  // namespace

PolicyLoop::PolicyLoop(const EngineContext& context, PolicyLoopSources sources, Migrator& migrator,
                       ReportBoard& board, TotalsCounter& totals)
    : context_(context),
      sources_(std::move(sources)),
      migrator_(migrator),
      board_(board),
      totals_(totals),
      reader_(context),
      configuration_(sources_.configuration()) {}

PolicyLoop::~PolicyLoop() { Stop(); }

void PolicyLoop::Restore(const std::vector<Migration>& ended) {
  for (const Migration& migration : ended) {
    Learn(migration);
    active_.Update(migration, migration.end_time);
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
    // What happens meanwhile is taken in together.
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
  // What was written comes before what has ended: it names the trigger.
  const bool all_were_read = ReadDue(news, now);
  TakeInbox();
  DropGone();
  if (all_were_read) ForgetHistories();
  // Reading has taken time, and the changes it found are of that time.
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
  // The new one's policies may be about other cgroups.
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
    active_.Update(migration, context_.clock.Now());
    if (!IsFinal(migration.state)) continue;
    TakeEnded(migration);
    ReadTopology();
    for (const WorkloadMigration& result : migration.workloads) {
      const std::string& path = result.workload.cgroup_path;
      reader_.Resample(path);
      Track(reader_.ReadBelow(path, topology_), absl::StrCat("migration ", migration.id, " ended"));
    }
  }
}

void PolicyLoop::TakeEnded(const Migration& migration) {
  std::map<uint64_t, int> before;
  for (const WorkloadMigration& result : migration.workloads) {
    before[result.workload.cgroup_id] = histories_[result.workload.cgroup_id].fruitless;
  }
  Learn(migration);
  for (const WorkloadMigration& result : migration.workloads) {
    const uint64_t id = result.workload.cgroup_id;
    const int in_a_row = histories_[id].fruitless;
    if (in_a_row <= before[id]) continue;
    totals_.AddRepairWithoutGain();
    LogWarning(absl::StrCat("repair without gain id=", migration.id, " workload=\"",
                            result.workload.ToString(), "\" in_a_row=", in_a_row));
  }
}

void PolicyLoop::Learn(const Migration& migration) {
  const bool is_repair = migration.request.origin == MigrationOrigin::kPolicy;
  const LocalityPolicy* policy =
      is_repair ? configuration_->FindPolicy(migration.request.policy) : nullptr;
  for (const WorkloadMigration& result : migration.workloads) {
    RepairHistory& history = histories_[result.workload.cgroup_id];
    history = AfterMigration(std::move(history), migration, result, policy);
    const absl::Duration time = migration.end_time - migration.start_time;
    const auto bytes =
        static_cast<double>(result.outcomes[PageOutcome::kMoved] * migration.page_bytes);
    if (!is_repair || time <= absl::ZeroDuration()) continue;
    const double speed = bytes / absl::ToDoubleSeconds(time);
    bytes_per_second_ = bytes_per_second_ == 0
                            ? speed
                            : kLatestSpeed * speed + (1 - kLatestSpeed) * bytes_per_second_;
  }
}

bool PolicyLoop::ReadDue(const CgroupNews& news, absl::Time now) {
  tree_changed_ = tree_changed_ || news.tree_changed || news.lost;
  const bool tree_changed = tree_changed_;
  const bool walked = WalkIfDue(now);
  const bool read_all = walked || news.lost || now >= read_time_ + configuration_->period;
  if (!read_all && news.written.empty()) return false;
  if (read_all) read_time_ = now;  // what fails now is tried again in its turn
  if (!ReadTopology()) return false;
  for (const auto& [path, file] : news.written) {
    Track(reader_.ReadBelow(path, topology_), absl::StrCat(file, " of ", path, " written"));
  }
  if (!read_all) return false;
  Track(reader_.ReadAll(topology_),
        walked && tree_changed ? "containers have come or gone" : "timer");
  decide_all_ = true;
  return true;
}

bool PolicyLoop::ReadTopology() {
  if (topology_is_fresh_) return true;
  auto topology = TopologyReader(context_.host).Read();
  if (!topology.ok()) {
    LogError(absl::StrCat("no report: ", topology.status().message()));
    return false;
  }
  topology_ = *std::move(topology);
  topology_is_fresh_ = true;
  return true;
}

bool PolicyLoop::WalkIfDue(absl::Time now) {
  // Without watches the timer does it.
  const bool is_watching = watch_.has_value() && watch_status().ok();
  const absl::Duration most = is_watching ? kLongestWalkInterval : configuration_->period;
  const bool due = now >= walk_time_ + (tree_changed_ ? kWalkInterval : most);
  if (!due) return false;
  walk_time_ = now;
  tree_changed_ = false;
  const absl::Status status = Walk();
  // What fails is tried again soon, and told once.
  if (!status.ok() && status != walk_status_) {
    LogWarning(absl::StrCat("containers cannot be listed: ", LogSafe(status.message())));
  }
  walk_status_ = status;
  tree_changed_ = tree_changed_ || !status.ok();
  return status.ok();
}

absl::Status PolicyLoop::Walk() {
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
    LogWarning(absl::StrCat("changes are noticed by the timer only: ", status.message()));
  }
  watch_status_ = status;
}

void PolicyLoop::Track(const Reports& changed, const std::string& trigger) {
  for (const auto& report : changed) {
    Tracked& tracked = tracked_[report->placement.workload.cgroup_path];
    const bool is_other = tracked.read == nullptr || tracked.read->placement.workload.cgroup_id !=
                                                         report->placement.workload.cgroup_id;
    if (is_other) tracked = Tracked();
    // What changed its home is the reason of all that follows.
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

void PolicyLoop::ForgetHistories() {
  std::set<uint64_t> ids;
  for (const auto& [path, tracked] : tracked_) {
    ids.insert(tracked.read->placement.workload.cgroup_id);
  }
  std::erase_if(histories_, [&](const auto& entry) { return !ids.contains(entry.first); });
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
