#include "agent/engine/report/report_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/pages/page_sample.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

// A sample is valid until one fiftieth of the workload's memory was allocated, freed or moved.
constexpr int64_t kShiftDivisor = 50;

// The pause before a workload that is too large to sample is tried again: the first, and the
// longest, as each attempt may take as long as kPeriodicLimits permits. Each is twice as long as
// the one before: a read may also take too long because the machine is busy.
constexpr absl::Duration kFirstPause = absl::Seconds(10);
constexpr absl::Duration kLongestPause = absl::Minutes(5);

bool SameHomes(const std::vector<ProcessPlacement>& processes) {
  return std::all_of(processes.begin(), processes.end(), [&](const ProcessPlacement& process) {
    return process.home_nodes == processes.front().home_nodes;
  });
}

// The home nodes of each process.
std::map<ProcessId, NodeSet> HomesOf(const std::vector<ProcessPlacement>& processes) {
  std::map<ProcessId, NodeSet> homes;
  for (const ProcessPlacement& process : processes) homes[process.id] = process.home_nodes;
  return homes;
}

// Whether a process that `a` lists has other home nodes in `b`. If `b` lists no processes, all have
// the workload's home nodes.
bool SomeProcessDiffers(const WorkloadPlacement& a, const WorkloadPlacement& b) {
  const auto homes = HomesOf(b.processes);
  return std::any_of(a.processes.begin(), a.processes.end(), [&](const ProcessPlacement& process) {
    if (homes.empty()) return process.home_nodes != b.home_nodes;
    const auto it = homes.find(process.id);
    return it != homes.end() && it->second != process.home_nodes;
  });
}

bool MemoryHasShifted(const KeptWorkload& kept) {
  const MemoryByNode& now = kept.counters.memory();
  const int64_t bound = now.Bytes(kPrivateKinds) / kShiftDivisor;
  for (const auto& [node, bytes] : now.nodes) {
    const int64_t before = kept.sampled_at.BytesOn({node}, kPrivateKinds);
    if (std::abs(now.BytesOn({node}, kPrivateKinds) - before) > bound) return true;
  }
  return false;
}

bool HomeHasChanged(const WorkloadPlacement& before, const WorkloadPlacement& now) {
  // The home of a workload that is too large is that of its cgroup, which says less.
  if (before.state == PlacementState::kTooLarge || now.state == PlacementState::kTooLarge) {
    return false;
  }
  return before.home_nodes != now.home_nodes || SomeProcessDiffers(before, now) ||
         SomeProcessDiffers(now, before);
}

}  // namespace

ReportReader::ReportReader(const EngineContext& context)
    : context_(context),
      finder_(context.host, context.names),
      reader_(context.kernel, context.host, context.clock) {}

absl::StatusOr<std::vector<std::string>> ReportReader::FindWorkloads(
    const std::vector<std::string>& extra) {
  NL_ASSIGN_OR_RETURN(WorkloadTree tree, finder_.Walk());
  for (const auto& [path, most] : tree.too_large) {
    if (!too_large_.insert(path).second) continue;
    LogWarning(absl::StrCat("cgroup ", LogSafe(path), ": has more than ", most,
                            " cgroups below it, the limit for those that its user or a container "
                            "may create; containers in the others are not found"));
  }
  for (const std::string& path : extra) {
    auto found = finder_.Find({std::nullopt, std::nullopt, path, std::nullopt});
    if (found.ok()) tree.workloads.push_back(std::move(found->front()));
  }
  // Workloads that exist when the agent starts did not appear just now.
  const absl::Duration appeared =
      std::exchange(has_walked_, true) ? context_.clock.Monotonic() : -absl::InfiniteDuration();
  std::set<std::string> paths;
  for (Workload& workload : tree.workloads) {
    paths.insert(workload.cgroup_path);
    const auto it = kept_.find(workload.cgroup_path);
    if (it != kept_.end() && it->second->workload.cgroup_id == workload.cgroup_id) {
      // The first container of a pod is recognized when others have been added.
      it->second->role = workload.role;
      continue;
    }
    kept_.erase(workload.cgroup_path);
    auto counters = CgroupCounters::Open(context_.host, workload.cgroup_path);
    if (absl::IsNotFound(counters.status())) continue;  // removed meanwhile
    if (!counters.ok()) {
      LogWarning(absl::StrCat("cannot report ", workload.ToString(), ": ",
                              LogSafe(counters.status().message())));
      continue;
    }
    if (!counters->counts_memory()) {
      // Without counters each read would have to scan all its pages.
      LogWarning(absl::StrCat("cannot report ", workload.ToString(),
                              ": its cgroup does not count memory; enable the memory controller in "
                              "cgroup.subtree_control of the parent cgroup"));
      continue;
    }
    const std::string path = workload.cgroup_path;
    workload.cgroup_id = counters->id();  // a new one may have taken its place during the walk
    kept_[path] =
        std::make_shared<KeptWorkload>(std::move(workload), *std::move(counters), appeared);
  }
  std::erase_if(kept_, [&](const auto& entry) { return !paths.contains(entry.first); });
  return std::move(tree.directories);
}

std::vector<ReportReader::Kept> ReportReader::Below(const std::string& path) const {
  std::vector<Kept> below;
  // Cgroups below `path` follow it in the map, mixed with siblings whose names begin with its name.
  for (auto it = kept_.lower_bound(path); it != kept_.end() && absl::StartsWith(it->first, path);
       ++it) {
    if (IsWithin(it->first, path)) below.push_back(it->second);
  }
  return below;
}

bool ReportReader::Has(const Workload& workload) const {
  const auto it = kept_.find(workload.cgroup_path);
  return it != kept_.end() && it->second->workload.cgroup_id == workload.cgroup_id;
}

void ReportReader::Drop(const Workload& workload) {
  if (Has(workload)) kept_.erase(workload.cgroup_path);
}

absl::StatusOr<WorkloadPlacement> ReportReader::ReadOnce(const Workload& workload,
                                                         const Topology& topology) {
  NL_ASSIGN_OR_RETURN(CgroupCounters counters,
                      CgroupCounters::Open(context_.host, workload.cgroup_path));
  if (counters.id() != workload.cgroup_id) {
    return absl::NotFoundError(
        absl::StrCat(workload.ToString(), ": is gone; a new cgroup has the same path"));
  }
  KeptWorkload kept(workload, std::move(counters), -absl::InfiniteDuration());
  bool same = false;
  auto placement = ReadPlacement(kept, topology, JobWatch(), same);
  if (!absl::IsResourceExhausted(placement.status())) return placement;
  kept.too_large = placement.status();
  return ReadCounters(kept, topology, same);
}

std::vector<std::string> ReportReader::Paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, kept] : kept_) paths.push_back(path);
  return paths;
}

absl::StatusOr<std::shared_ptr<const WorkloadReport>> ReportReader::Read(
    KeptWorkload& kept, const Topology& topology, bool resample, const JobWatch& watch) const {
  kept.resample = kept.resample || resample;
  bool same = false;
  absl::StatusOr<WorkloadPlacement> placement;
  const bool is_tried = kept.too_large.ok() || context_.clock.Monotonic() >= kept.read_again_at;
  if (is_tried) {
    placement = ReadPlacement(kept, topology, watch, same);
    if (!absl::IsCancelled(placement.status()) || !watch.is_stopping()) {
      NoteAttempt(kept, placement.status());
    }
  }
  if (!kept.too_large.ok()) {
    placement = ReadCounters(kept, topology, same);
    same = same && !is_tried;  // the attempt may have seen what has changed
  }
  // The next read must not find that nothing has changed since this one.
  kept.resample = kept.resample || !placement.ok();
  NL_RETURN_IF_ERROR(placement.status());
  if (same) return kept.report;
  auto report = std::make_shared<WorkloadReport>();
  report->home_since = kept.appeared;
  if (kept.report != nullptr) {
    report->home_since = HomeHasChanged(kept.report->placement, *placement)
                             ? context_.clock.Monotonic()
                             : kept.report->home_since;
  }
  report->placement = *std::move(placement);
  kept.report = std::move(report);
  return kept.report;
}

void ReportReader::NoteAttempt(KeptWorkload& kept, const absl::Status& status) const {
  const bool is_cancelled = absl::IsCancelled(status);
  if (!is_cancelled && !absl::IsResourceExhausted(status)) {
    kept.too_large = absl::OkStatus();
    if (status.ok()) kept.pause = absl::ZeroDuration();
    return;
  }
  kept.pause = std::clamp(2 * kept.pause, kFirstPause, kLongestPause);
  kept.read_again_at = context_.clock.Monotonic() + kept.pause;
  const std::string reason =
      is_cancelled ? absl::StrCat("reading it takes longer than ",
                                  absl::FormatDuration(WorkloadJobs::kLongestJob), ", the limit")
                   : std::string(status.message());
  kept.too_large = absl::ResourceExhaustedError(
      absl::StrCat(reason, "; it is tried again in ", absl::FormatDuration(kept.pause)));
  LogWarning(absl::StrCat(kept.workload.ToString(),
                          " is too large to sample: ", LogSafe(kept.too_large.message())));
}

absl::StatusOr<WorkloadPlacement> ReportReader::ReadCounters(KeptWorkload& kept,
                                                             const Topology& topology,
                                                             bool& same) const {
  NL_ASSIGN_OR_RETURN(const bool changed, kept.counters.RefreshCounters());
  NL_ASSIGN_OR_RETURN(const CgroupDir cgroup, finder_.OpenCgroup(kept.workload));
  const auto cpus = cgroup.ReadEffectiveCpus();
  if (!cpus.ok() && !absl::IsNotFound(cpus.status())) return cpus.status();

  WorkloadPlacement placement = BasicPlacement(kept, topology);
  placement.cpus = cpus.value_or(CpuSet());
  placement.home_nodes = topology.HomeNodes(placement.cpus);
  placement.state = PlacementState::kTooLarge;
  placement.state_message = std::string(kept.too_large.message());
  const WorkloadReport* const before = kept.report.get();
  same = before != nullptr && !changed && before->placement.cpus == placement.cpus &&
         before->placement.state_message == placement.state_message;
  kept.processes.clear();
  kept.resample = true;
  return placement;
}

WorkloadPlacement ReportReader::BasicPlacement(const KeptWorkload& kept,
                                               const Topology& topology) const {
  WorkloadPlacement placement;
  placement.workload = kept.workload;
  placement.workload.role = kept.role;
  placement.read_time = context_.clock.Now();
  placement.memory = kept.counters.memory();
  placement.allowed_nodes = kept.counters.allowed_nodes();
  if (placement.allowed_nodes.empty()) placement.allowed_nodes = topology.MemoryNodes();
  placement.process_count = kept.counters.process_count();
  placement.thread_count = static_cast<int>(kept.counters.thread_ids().size());
  placement.hidden_process_count = kept.counters.hidden_count();
  return placement;
}

absl::StatusOr<WorkloadPlacement> ReportReader::ReadPlacement(KeptWorkload& kept,
                                                              const Topology& topology,
                                                              const JobWatch& watch,
                                                              bool& same) const {
  watch.begin_call("a read of its cgroup");
  NL_ASSIGN_OR_RETURN(const bool has_children, kept.counters.HasChildren());
  if (has_children) {
    NL_ASSIGN_OR_RETURN(WorkloadPlacement placement,
                        reader_.Read(kept.workload, topology, PlacementView::kBasic,
                                     watch.is_cancelled, kPeriodicLimits));
    if (placement.state == PlacementState::kTooLarge) {
      return absl::ResourceExhaustedError(placement.state_message);
    }
    placement.workload.role = kept.role;
    return placement;
  }
  ReadBudget budget(kPeriodicLimits, context_.clock, watch.is_cancelled);
  NL_ASSIGN_OR_RETURN(const bool counters_changed, kept.counters.Refresh());
  NL_ASSIGN_OR_RETURN(const bool masks_changed, ReadMasks(kept, budget));
  const bool sample_is_old = kept.resample || (!kept.processes.empty() && MemoryHasShifted(kept));
  same = kept.report != nullptr && !counters_changed && !masks_changed && !sample_is_old &&
         kept.report->placement.workload.role == kept.role;
  if (same) return WorkloadPlacement();

  WorkloadPlacement placement = BasicPlacement(kept, topology);
  for (const CpuMask& mask : kept.masks) placement.cpus = placement.cpus | ToCpuSet(mask);
  placement.home_nodes = topology.HomeNodes(placement.cpus);
  kept.resample = false;
  const bool may_differ = kept.masks.size() > 1 && placement.process_count > 1;
  if (may_differ) {
    NL_ASSIGN_OR_RETURN(placement.processes,
                        ReadProcesses(kept, topology, sample_is_old, watch, budget));
  }
  kept.processes = placement.processes;
  return placement;
}

absl::StatusOr<bool> ReportReader::ReadMasks(KeptWorkload& kept, ReadBudget& budget) const {
  CpuMask mask;
  // Nearly always all threads have the affinity that they had in the last read.
  std::vector<CpuMask> masks;
  std::vector<std::pair<pid_t, size_t>> others;
  bool first_is_met = kept.counters.thread_ids().empty();
  for (const pid_t thread : kept.counters.thread_ids()) {
    NL_RETURN_IF_ERROR(budget.Take("the CPUs of its threads", 0));
    const absl::Status status = context_.kernel.ThreadCpuMask(thread, mask);
    if (absl::IsNotFound(status)) continue;
    NL_RETURN_IF_ERROR(status);
    if (!kept.masks.empty() && mask == kept.masks.front()) {
      first_is_met = true;
      continue;
    }
    const auto it = std::find(masks.begin(), masks.end(), mask);
    others.emplace_back(thread, it - masks.begin());
    if (it == masks.end()) masks.push_back(mask);
  }
  if (first_is_met && !kept.masks.empty()) {
    masks.insert(masks.begin(), kept.masks.front());
    for (auto& [thread, index] : others) ++index;
  } else {
    std::erase_if(others, [](const auto& other) { return other.second == 0; });
  }
  if (masks == kept.masks && others == kept.others) return false;
  kept.masks = std::move(masks);
  kept.others = std::move(others);
  return true;
}

absl::StatusOr<std::vector<ProcessPlacement>> ReportReader::ReadProcesses(
    KeptWorkload& kept, const Topology& topology, bool resample, const JobWatch& watch,
    ReadBudget& budget) const {
  NL_ASSIGN_OR_RETURN(const WorkloadProcesses listed, finder_.ListProcesses(kept.workload, budget));
  std::vector<ProcessPlacement> processes;
  for (const pid_t pid : listed.pids) {
    watch.begin_call(absl::StrCat("a read of the threads of process ", pid));
    const auto stat = ReadStat(context_.host, pid);
    const auto threads = ReadThreads(context_.kernel, context_.host, pid, budget);
    if (absl::IsNotFound(stat.status()) || absl::IsNotFound(threads.status())) continue;
    if (!stat.ok()) return stat.status();
    if (!threads.ok()) return threads.status();
    ProcessPlacement process;
    process.id = {pid, stat->start_ticks};
    process.cpus = threads->cpus;
    process.home_nodes = topology.HomeNodes(process.cpus);
    processes.push_back(std::move(process));
  }
  if (processes.empty() || SameHomes(processes)) return std::vector<ProcessPlacement>();
  for (ProcessPlacement& process : processes) {
    const auto before = std::find_if(kept.processes.begin(), kept.processes.end(),
                                     [&](const auto& other) { return other.id == process.id; });
    if (!resample && before != kept.processes.end() && before->cpus == process.cpus) {
      process = *before;
    } else {
      NL_RETURN_IF_ERROR(Sample(kept.workload, topology, watch, SamplePagesOfEach(processes.size()),
                                budget, process));
    }
  }
  if (resample || kept.processes.empty()) kept.sampled_at = kept.counters.memory();
  return processes;
}

absl::Status ReportReader::Sample(const Workload& workload, const Topology& topology,
                                  const JobWatch& watch, size_t max_pages, ReadBudget& budget,
                                  ProcessPlacement& process) const {
  watch.begin_call(absl::StrCat("a read of the pages of process ", process.id.pid));
  const auto handle = finder_.OpenProcess(context_.kernel, workload, process.id.pid);
  if (!handle.ok()) return absl::OkStatus();
  const auto sample = SamplePages(context_.kernel, context_.clock, *handle, context_.host, topology,
                                  max_pages, budget);
  if (sample.ok()) {
    process.memory = sample->EstimateMemory(topology.page_bytes);
    process.sampled_pages = sample->sampled_pages;
  } else if (absl::IsResourceExhausted(sample.status()) || absl::IsCancelled(sample.status())) {
    return WithContext(sample.status(), absl::StrCat("process ", process.id.pid));
  } else if (!absl::IsNotFound(sample.status())) {
    LogWarning(absl::StrCat("cannot sample pages of process ", process.id.pid, ": ",
                            LogSafe(sample.status().message())));
  }
  return absl::OkStatus();
}

}  // namespace numalocality
