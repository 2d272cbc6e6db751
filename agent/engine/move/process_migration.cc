#include "agent/engine/move/process_migration.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality {
namespace {

constexpr absl::Duration kMappingsLifetime = absl::Seconds(5);

PageSizes ReadPageSizes(const EngineContext& context, const PageScanner& scanner,
                        const ProcessHandle& process, int64_t page_bytes) {
  return {page_bytes, TopologyReader(context.host).ReadHugePageBytes(),
          scanner.ReportsHugePages(process)};
}

}  // namespace

void NodesSeen::Add(MemoryKind kind, NodeId node) {
  NodeId& seen = nodes_[static_cast<size_t>(kind)];
  if (node == NodeId{} || seen == node) return;
  seen = seen == NodeId{} ? node : kSeveral;
}

void NodesSeen::Add(const NodesSeen& other) {
  for (size_t kind = 0; kind < nodes_.size(); ++kind) {
    Add(static_cast<MemoryKind>(kind), other.nodes_[kind]);
  }
}

ExpectedNodes NodesSeen::Uniform() const {
  ExpectedNodes uniform;
  for (size_t kind = 0; kind < nodes_.size(); ++kind) {
    if (nodes_[kind] != kSeveral) uniform[static_cast<MemoryKind>(kind)] = nodes_[kind];
  }
  return uniform;
}

std::string NodeGoneMessage(const NodeSet& nodes) {
  return absl::StrCat("target node ", nodes.ToString(),
                      " went offline; move the rest when it is back, or to another node");
}

absl::StatusOr<NodeSet> TargetNodes(const EngineContext& context, const ProcessHandle& process,
                                    const MigrationSpec& spec, const Topology& topology,
                                    ReadBudget& budget) {
  NL_ASSIGN_OR_RETURN(const NodeSet allowed, process.ReadAllowedNodes());
  const NodeSet named = spec.node_map.empty() ? spec.target_nodes : TargetsOf(spec.node_map);
  if (!named.empty()) {
    if (allowed.ContainsAll(named)) return named;
    return absl::FailedPreconditionError(
        absl::StrCat("process ", process.pid(), ": its cpuset.mems allows node ",
                     allowed.ToString(), " only, but the target is node ", named.ToString(),
                     "; add the target to cpuset.mems first"));
  }
  NL_ASSIGN_OR_RETURN(const ProcessThreads threads,
                      ReadThreads(context.kernel, context.host, process.pid(), budget));
  const NodeSet homes = topology.HomeNodes(threads.cpus);
  if (NodeSet usable = homes & allowed; !usable.empty()) return usable;
  return absl::FailedPreconditionError(
      absl::StrCat("process ", process.pid(), ": its cpuset.mems allows node ", allowed.ToString(),
                   " only, but the home node of its CPUs ", threads.cpus.ToString(), " is node ",
                   homes.ToString(), "; add a home node to cpuset.mems first"));
}

ProcessMigration::ProcessMigration(const EngineContext& context, const MigrationSpec& spec,
                                   const Topology& topology, StuckWorkload& stuck,
                                   ProcessHandle process, NodeMap targets)
    : clock_(context.clock),
      spec_(spec),
      process_(std::move(process)),
      targets_(std::move(targets)),
      scanner_(context.kernel, context.clock, context.host, topology.page_bytes),
      sizes_(ReadPageSizes(context, scanner_, process_, topology.page_bytes)),
      stuck_(stuck) {}

absl::Status ProcessMigration::ScanAll(const ExpectedNodes& expected, ReadBudget& budget,
                                       absl::FunctionRef<bool()> must_stop, WindowVisitor visit) {
  bool stopped = false;
  ReadBudget own_budget(kRequestLimits, budget);
  const auto mappings = process_.ReadMaps(own_budget);
  absl::Status status = mappings.status();
  if (status.ok()) {
    const absl::Duration start = clock_.Monotonic();
    status = scanner_.Scan(
        process_, *mappings, spec_.ranges, spec_.kinds,
        [&](absl::Span<const PageSpan> spans) {
          visit(spans);
          stopped = must_stop();
          return !stopped;
        },
        expected);
    budget.Exclude(clock_.Monotonic() - start);
  }
  if (absl::IsNotFound(status)) {
    Stop(MigrationReason::kWorkloadGone, PageOutcome::kVanished, std::string(status.message()));
  }
  if (status.ok() && stopped) return absl::CancelledError("cancelled");
  return status;
}

absl::Status ProcessMigration::Scan(int64_t segment_pages, const ExpectedNodes& expected,
                                    ReadBudget& budget, absl::FunctionRef<bool()> must_stop) {
  NL_RETURN_IF_ERROR(ScanAll(expected, budget, must_stop, [&](absl::Span<const PageSpan> spans) {
    AddWindow(spans, segment_pages);
    return true;
  }));
  in_place_outside_ += std::exchange(in_place_after_, 0);
  return absl::OkStatus();
}

int64_t ProcessMigration::CountMisplaced(absl::Span<const PageSpan> spans) const {
  int64_t pages = 0;
  for (const PageSpan& span : spans) {
    const auto target = targets_.find(span.node);
    const bool is_misplaced = target != targets_.end() && target->second != span.node;
    // Hidden pages may be misplaced.
    if (is_misplaced || span.node == kHiddenNode) pages += span.pages;
  }
  return pages;
}

int64_t ProcessMigration::CountSettled(absl::Span<const PageSpan> spans) const {
  const NodeSet targets = TargetsOf(targets_);
  int64_t pages = 0;
  for (const PageSpan& span : spans) {
    if (targets.Contains(span.node) && !targets_.contains(span.node)) pages += span.pages;
  }
  return pages;
}

void ProcessMigration::AddWindow(absl::Span<const PageSpan> spans, int64_t segment_pages) {
  const int64_t misplaced = CountMisplaced(spans);
  int64_t in_place = 0;
  NodesSeen nodes;
  std::map<NodeId, int64_t> by_target;
  for (const PageSpan& span : spans) {
    if (span.node == kHiddenNode) {
      by_target[targets_.begin()->second] += span.pages;
      continue;
    }
    nodes.Add(span.kind, span.node);
    memory_before_.Add(span.node, span.kind, span.pages * sizes_.base_bytes);
    const auto target = targets_.find(span.node);
    if (target == targets_.end()) continue;
    if (target->second == span.node) {
      in_place += span.pages;
    } else {
      by_target[target->second] += span.pages;
    }
  }
  misplaced_pages_ += misplaced;
  in_place_pages_ += in_place;
  const int64_t settled = CountSettled(spans);
  if (misplaced == 0) {
    in_place_after_ += in_place;
    settled_after_ += settled;
    nodes_after_.Add(nodes);
    return;
  }
  const uint64_t end = spans.back().address + static_cast<uint64_t>(spans.back().pages) *
                                                  static_cast<uint64_t>(sizes_.base_bytes);
  if (!segments_.empty() && segments_.back().misplaced_pages + misplaced <= segment_pages) {
    segments_.back().range.end = end;
    segments_.back().misplaced_pages += misplaced;
    segments_.back().settled_pages += settled + std::exchange(settled_after_, 0);
    segments_.back().nodes.Add(nodes);
    // Pages between its two windows are scanned again when the segment is moved.
    segments_.back().nodes.Add(std::exchange(nodes_after_, {}));
    in_place_after_ = 0;
    return;
  }
  in_place_outside_ += std::exchange(in_place_after_, 0);
  settled_after_ = 0;
  nodes_after_ = {};
  const auto most = std::max_element(by_target.begin(), by_target.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  segments_.push_back({{spans.front().address, end}, nodes, most->first, misplaced, settled});
}

absl::StatusOr<std::shared_ptr<const ProcessMigration::KnownMappings>> ProcessMigration::Mappings(
    absl::FunctionRef<bool()> must_stop) {
  {
    MutexLock lock(mutex_);
    if (mappings_ != nullptr && clock_.Monotonic() < mappings_->old_at) return mappings_;
  }
  // Not under the lock: the read waits for the mmap lock of the process.
  ReadBudget budget(kRequestLimits, clock_, [&] { return must_stop(); });
  NL_ASSIGN_OR_RETURN(std::vector<Mapping> mappings, process_.ReadMaps(budget));
  auto known = std::make_shared<const KnownMappings>(
      KnownMappings{std::move(mappings), clock_.Monotonic() + kMappingsLifetime});
  MutexLock lock(mutex_);
  return mappings_ = std::move(known);
}

void ProcessMigration::ForgetMappings() {
  MutexLock lock(mutex_);
  mappings_.reset();
}

int ProcessMigration::open_segments() const {
  MutexLock lock(mutex_);
  return static_cast<int>(segments_.size()) - closed_segments_;
}

bool ProcessMigration::CloseSegment() {
  MutexLock lock(mutex_);
  return ++closed_segments_ == static_cast<int>(segments_.size());
}

PageFlows ProcessMigration::flows() const {
  MutexLock lock(mutex_);
  return flows_;
}

void ProcessMigration::Add(const MoveTally& tally) {
  MutexLock lock(mutex_);
  counts_.Add(tally.outcomes);
  for (const auto& [nodes, pages] : tally.flows) flows_[nodes] += pages;
}

void ProcessMigration::LackRoom(const std::string& message) {
  MutexLock lock(mutex_);
  lacked_room_ = true;
  if (message_.empty()) message_ = message;
}

void ProcessMigration::Stop(MigrationReason reason, PageOutcome outcome_of_rest,
                            const std::string& message) {
  MutexLock lock(mutex_);
  if (stop_ != MigrationReason::kNone) return;
  stop_ = reason;
  outcome_of_rest_ = outcome_of_rest;
  message_ = message;
}

bool ProcessMigration::stopped() const {
  MutexLock lock(mutex_);
  return stop_ != MigrationReason::kNone;
}

MoveTally ProcessMigration::CountRest() {
  MutexLock lock(mutex_);
  MoveTally rest;
  int64_t in_place = in_place_outside_;
  if (stop_ != MigrationReason::kNone) {
    const int64_t left = std::max(int64_t{0}, misplaced_pages_ + in_place_pages_ - counts_.Total());
    const bool is_gone = stop_ == MigrationReason::kWorkloadGone;
    in_place = is_gone ? 0
                       : std::clamp(in_place_pages_ - counts_[PageOutcome::kAlreadyThere],
                                    int64_t{0}, left);
    rest.outcomes.Add(outcome_of_rest_, left - in_place);
  }
  rest.outcomes.Add(PageOutcome::kAlreadyThere, in_place);
  counts_.Add(rest.outcomes);
  return rest;
}

MigrationReason ProcessMigration::reason() const {
  MutexLock lock(mutex_);
  return stop_ == MigrationReason::kNone && lacked_room_ ? MigrationReason::kNoRoom : stop_;
}

std::string ProcessMigration::message() const {
  MutexLock lock(mutex_);
  return message_;
}

bool ProcessMigration::vanished() const {
  MutexLock lock(mutex_);
  return stop_ == MigrationReason::kWorkloadGone;
}

absl::Status ProcessMigration::Verify(Verification& verification, ReadBudget& budget,
                                      absl::FunctionRef<bool()> is_cancelled) {
  MemoryByNode now;
  NL_RETURN_IF_ERROR(ScanAll({}, budget, is_cancelled, [&](absl::Span<const PageSpan> spans) {
    for (const PageSpan& span : spans) {
      if (span.node == kHiddenNode)
        continue;  // where it is now is unknown, so it does not count as drifted
      now.Add(span.node, span.kind, span.pages * sizes_.base_bytes);
    }
    return true;
  }));
  verification.memory.Add(now);
  MutexLock lock(mutex_);
  const int64_t drifted = CountDrifted(now);
  verification.drifted_pages += drifted;
  verification.pages_on_target +=
      counts_[PageOutcome::kMoved] + counts_[PageOutcome::kAlreadyThere] - drifted;
  return absl::OkStatus();
}

// Pages that are missing on the targets, but no more than other nodes have in surplus: memory that
// was only freed, or newly touched, has not drifted.
int64_t ProcessMigration::CountDrifted(const MemoryByNode& now) const {
  std::map<NodeId, int64_t> surplus;
  for (const auto& [node, bytes] : now.nodes) {
    surplus[node] += now.BytesOn({node}, kAllKinds) / sizes_.base_bytes;
  }
  for (const auto& [node, bytes] : memory_before_.nodes) {
    surplus[node] -= memory_before_.BytesOn({node}, kAllKinds) / sizes_.base_bytes;
  }
  for (const auto& [nodes, pages] : flows_) {
    surplus[nodes.first] += pages;
    surplus[nodes.second] -= pages;
  }
  const NodeSet targets = TargetsOf(targets_);
  int64_t missing = 0;
  int64_t elsewhere = 0;
  for (const auto& [node, pages] : surplus) {
    if (pages > 0) elsewhere += pages;
    if (pages < 0 && targets.Contains(node)) missing -= pages;
  }
  return std::min(
      {missing, elsewhere, counts_[PageOutcome::kMoved] + counts_[PageOutcome::kAlreadyThere]});
}

}  // namespace numalocality
