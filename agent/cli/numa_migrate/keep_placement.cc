#include "agent/cli/numa_migrate/keep_placement.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/numa_migrate/denial.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/engine/migrate/kernel_moves.h"
#include "agent/os/act/thread_pinning.h"

namespace numalocality::numa_migrate {

absl::StatusOr<PlacementKeeper> PlacementKeeper::Begin(const EngineContext& context,
                                                       const Options& options,
                                                       const Subject& subject) {
  PlacementKeeper keeper;
  if (options.bind != BindPolicy::kNone) {
    NL_RETURN_IF_ERROR(WithContext(keeper.Bind(context, options, subject), "--policy bind"));
  }
  if (options.balancing_off) {
    auto off = NumaBalancingOff::Begin(context.host);
    if (!off.ok()) {
      return WithContext(WithDenial(off.status(), Capability::kSysAdmin, context.host),
                         "--numa-balancing off");
    }
    keeper.balancing_off_ = *std::move(off);
  }
  return keeper;
}

PlacementKeeper::~PlacementKeeper() {
  if (mems_ != nullptr) mems_->Restore().IgnoreError();
}

void PlacementKeeper::Restore() {
  RestoreBalancing().IgnoreError();
  if (mems_ != nullptr) mems_->Restore().IgnoreError();
}

absl::Status PlacementKeeper::Bind(const EngineContext& context, const Options& options,
                                   const Subject& subject) {
  NL_ASSIGN_OR_RETURN(CpusetMems mems, CpusetMems::Open(context.host, subject.process,
                                                        options.bind == BindPolicy::kForced));
  const MigrationSpec& spec = options.spec;
  const NodeSet targets = TargetsOf(spec);
  NodeSet sources = spec.node_map.empty() ? spec.source_nodes : SourcesOf(spec.node_map);
  if (sources.empty()) sources = mems.nodes_before();
  nodes_to_keep_ = (mems.nodes_before() - sources) | targets;
  Workload workload;
  workload.process = subject.process.id();
  NL_ASSIGN_OR_RETURN(const KernelMoves moves,
                      ReadKernelMoves(context, workload, spec, mems.nodes_before(), nodes_to_keep_,
                                      [] { return EndSignal() != 0; }));
  if (options.bind != BindPolicy::kForced) {
    NL_RETURN_IF_ERROR(CheckKernelMoves(context, moves, "use --policy force-bind"));
  }
  kernel_moves_ = moves.Words();
  mems_ = std::make_unique<CpusetMems>(std::move(mems));
  return mems_->Widen(targets);
}

absl::Status PlacementKeeper::PinThreads(const EngineContext& context, const Options& options,
                                         const Subject& subject) {
  if (!options.pin_threads) return absl::OkStatus();
  const NodeSet targets = TargetsOf(options.spec);
  CpuSet cpus;
  for (const NodeId node : targets) {
    if (const Node* found = subject.topology.Find(node)) cpus = cpus | found->cpus;
  }
  if (cpus.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--pin-threads: node ", targets.ToString(), " has no CPUs to run threads on"));
  }
  const auto threads =
      numalocality::PinThreads(context.kernel, context.host, subject.process.pid(), cpus);
  if (!threads.ok()) {
    return WithContext(WithDenial(threads.status(), Capability::kSysNice, context.host),
                       "--pin-threads");
  }
  notes_.push_back(absl::StrCat(*threads, *threads == 1 ? " thread is" : " threads are",
                                " pinned to CPUs ", cpus.ToString()));
  return absl::OkStatus();
}

absl::Status PlacementKeeper::KeepThere() {
  if (mems_ == nullptr) return absl::OkStatus();
  const std::unique_ptr<CpusetMems> mems = std::move(mems_);
  NL_RETURN_IF_ERROR(WithContext(mems->Confine(nodes_to_keep_), "--policy bind"));
  notes_.push_back(absl::StrCat("cpuset.mems of its cgroup is ", nodes_to_keep_.ToString(),
                                ", was ", mems->nodes_before().ToString(),
                                kernel_moves_.empty() ? "" : "; the kernel itself has moved ",
                                kernel_moves_));
  return absl::OkStatus();
}

absl::Status PlacementKeeper::RestoreBalancing() {
  return balancing_off_ == nullptr ? absl::OkStatus()
                                   : WithContext(balancing_off_->Restore(), "--numa-balancing off");
}

}  // namespace numalocality::numa_migrate
