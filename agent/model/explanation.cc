#include "agent/model/explanation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "agent/base/units.h"
#include "agent/model/page_span.h"

namespace numalocality {
namespace {

constexpr EnumTable<RemoteReason> kRemoteReasons = {{
    {RemoteReason::kRepairable, "repairable", "repairable",
     "Run 'localityctl migrate WORKLOAD', or set up a policy with 'action: repair'"},
    {RemoteReason::kShared, "shared", "shared",
     "Leave it near its other users; or move it in any case with 'localityctl migrate WORKLOAD "
     "--shared all' (needs CAP_SYS_NICE)"},
    {RemoteReason::kPageCache, "page_cache", "page cache",
     "Usually do nothing: page cache is used by every reader of the files. 'localityctl migrate "
     "WORKLOAD --kinds file' moves what the workload maps"},
    {RemoteReason::kHugetlb, "hugetlb", "hugetlb",
     "Restart the workload where the home nodes have free hugetlb pages. The agent never moves "
     "hugetlb pages, because kubelet accounts for their pools by node"},
    {RemoteReason::kPinned, "pinned", "pinned",
     "Find what pins it (RDMA, VFIO, GPU, io_uring buffers), or restart the workload, so that it "
     "allocates on its CPUs' node; busy pages may move at the next attempt"},
    {RemoteReason::kMemoryPolicy, "memory_policy", "memory policy",
     "Change the memory policy of the process (numactl, set_mempolicy, mbind), unless it is "
     "intended"},
    {RemoteReason::kCpusetForbids, "cpuset_forbids", "cpuset forbids",
     "Allow the home nodes in cpuset.mems first; 'localityctl migrate WORKLOAD --stick "
     "cpuset-mems' does both, through the container runtime"},
    {RemoteReason::kNoRoom, "no_room", "no room",
     "Free memory on the home nodes ('localityctl evacuate' empties a node), or run the workload "
     "on CPUs of the nodes where its memory is"},
    {RemoteReason::kMemoryOnlyNode, "memory_only_node", "memory only node",
     "Leave it if it was put there on purpose (CXL tiers, GPU memory); otherwise run 'localityctl "
     "migrate WORKLOAD'"},
    {RemoteReason::kUnlocated, "unlocated", "unlocated",
     "Set sysctl kernel.numa_balancing=0 and run explain again after the processes have used their "
     "memory; or use Linux 6.6 or later"},
}};
static_assert(IsWellFormed(kRemoteReasons));

// On shared memory that only the workload itself maps.
constexpr absl::string_view kAdviceOnOwned =
    "Run 'localityctl migrate WORKLOAD --shared owned' (needs CAP_SYS_NICE)";

constexpr std::array kPrivate = {MemoryKind::kAnon, MemoryKind::kShmem};

// Remote bytes with the same properties.
struct Slice {
  size_t process = 0;  // index
  NodeId node;         // -1: unknown
  MemoryKind kind = MemoryKind::kAnon;
  PageSharing sharing = PageSharing::kNone;
  RemoteReason reason = RemoteReason::kRepairable;
  int64_t bytes = 0;
};

struct Weight {
  size_t process;
  PageSharing sharing;
  double pages;
};

double PagesPerSample(const ProcessFacts& process) {
  if (process.sampled_pages == 0) return 0;
  return static_cast<double>(process.resident_pages) / static_cast<double>(process.sampled_pages);
}

bool IsHome(const ProcessFacts& process, NodeId node) {
  return process.home_nodes.empty() || process.home_nodes.Contains(node);
}

RemoteReason ReasonOf(const ProcessFacts& process, NodeId node, PageSharing sharing,
                      const Topology& topology) {
  if ((process.home_nodes & process.allowed_nodes).empty()) return RemoteReason::kCpusetForbids;
  if (process.policy_nodes.Contains(node)) return RemoteReason::kMemoryPolicy;
  const Node* where = topology.Find(node);
  if (where != nullptr && where->cpus.empty()) return RemoteReason::kMemoryOnlyNode;
  const bool is_shared = sharing == PageSharing::kOwned || sharing == PageSharing::kForeign;
  return is_shared ? RemoteReason::kShared : RemoteReason::kRepairable;
}

// Splits the bytes of one node and kind in proportion to the sampled pages.
class NodeSplit {
 public:
  NodeSplit(const ExplanationFacts& facts, std::vector<Slice>& slices)
      : facts_(facts), slices_(slices) {}

  // `unlocated`: the fraction of all pages of that kind that the kernel does not locate.
  void Split(NodeId node, MemoryKind kind, int64_t bytes, double unlocated) {
    const std::vector<Weight> weights = WeightsOf(node, kind);
    double total = 0;
    for (const Weight& weight : weights) total += weight.pages;
    if (total == 0) return AddUnseen(node, kind, bytes);
    double seen = 0;
    int64_t given = 0;  // ensures that rounding loses no byte
    for (const Weight& weight : weights) {
      seen += weight.pages;
      const auto up_to = std::llround(static_cast<double>(bytes) * seen / total);
      const ProcessFacts& process = facts_.processes[weight.process];
      if (!IsHome(process, node)) {
        const auto hidden = std::llround(static_cast<double>(up_to - given) * unlocated);
        Add({weight.process, node, kind, weight.sharing, RemoteReason::kUnlocated, hidden});
        Add({weight.process, node, kind, weight.sharing,
             ReasonOf(process, node, weight.sharing, facts_.topology), up_to - given - hidden});
      }
      given = up_to;
    }
  }

 private:
  std::vector<Weight> WeightsOf(NodeId node, MemoryKind kind) const {
    std::vector<Weight> weights;
    for (size_t i = 0; i < facts_.processes.size(); ++i) {
      const double scale = PagesPerSample(facts_.processes[i]);
      for (const auto& [of, pages] : facts_.processes[i].pages) {
        if (of.node == node && of.kind == kind) {
          weights.push_back({i, of.sharing, static_cast<double>(pages) * scale});
        }
      }
    }
    return weights;
  }

  // Adds memory that is charged to the workload but was found in none of its processes. The last
  // element of `processes` represents the workload as a whole.
  void AddUnseen(NodeId node, MemoryKind kind, int64_t bytes) {
    const size_t workload = facts_.processes.size() - 1;
    const ProcessFacts& process = facts_.processes[workload];
    if (IsHome(process, node)) return;
    const RemoteReason reason = kind == MemoryKind::kShmem
                                    ? RemoteReason::kPageCache
                                    : ReasonOf(process, node, PageSharing::kNone, facts_.topology);
    Add({workload, node, kind, PageSharing::kNone, reason, bytes});
  }

  void Add(const Slice& slice) {
    if (slice.bytes > 0) slices_.push_back(slice);
  }

  const ExplanationFacts& facts_;
  std::vector<Slice>& slices_;
};

// The fraction of the sampled pages of `kind` that is on kHiddenNode.
double HiddenFraction(const ExplanationFacts& facts, MemoryKind kind) {
  double hidden = 0;
  double all = 0;
  for (const ProcessFacts& process : facts.processes) {
    for (const auto& [of, pages] : process.pages) {
      if (of.kind != kind) continue;
      const double weight = static_cast<double>(pages) * PagesPerSample(process);
      all += weight;
      if (of.node == kHiddenNode) hidden += weight;
    }
  }
  return all == 0 ? 0 : hidden / all;
}

std::vector<Slice> SplitRemote(const ExplanationFacts& facts) {
  std::vector<Slice> slices;
  const WorkloadPlacement& placement = facts.placement;
  const bool by_counters = placement.source == PlacementSource::kNumaStat;
  NodeSplit split(facts, slices);
  for (const MemoryKind kind : kPrivate) {
    const double hidden = by_counters ? HiddenFraction(facts, kind) : 0;
    for (const auto& [node, bytes] : placement.memory.nodes) {
      if (bytes[kind] > 0) split.Split(node, kind, bytes[kind], hidden);
    }
  }
  for (const auto& [node, bytes] : placement.memory.nodes) {
    if (placement.home_nodes.empty() || placement.home_nodes.Contains(node)) continue;
    slices.push_back({0, node, MemoryKind::kFile, PageSharing::kNone, RemoteReason::kPageCache,
                      bytes[MemoryKind::kFile]});
    slices.push_back({0, node, MemoryKind::kHugetlb, PageSharing::kNone, RemoteReason::kHugetlb,
                      bytes[MemoryKind::kHugetlb]});
  }
  // A scan finds them on no node; they may also be on the home nodes.
  slices.push_back({0, NodeId{}, MemoryKind::kAnon, PageSharing::kNone, RemoteReason::kUnlocated,
                    placement.unlocated_bytes});
  return slices;
}

// Changes the reason of `bytes` of a repairable slice.
void Reassign(std::vector<Slice>& slices, size_t index, int64_t bytes, RemoteReason reason) {
  if (bytes <= 0) return;
  Slice part = slices[index];
  slices[index].bytes -= bytes;
  part.bytes = bytes;
  part.reason = reason;
  slices.push_back(part);
}

void FindStuck(std::vector<Slice>& slices, int64_t stuck_bytes) {
  for (size_t i = 0, count = slices.size(); i < count; ++i) {
    if (slices[i].reason != RemoteReason::kRepairable) continue;
    const int64_t stuck = std::min(stuck_bytes, slices[i].bytes);
    stuck_bytes -= stuck;
    Reassign(slices, i, stuck, RemoteReason::kPinned);
  }
}

void FindNoRoom(const ExplanationFacts& facts, std::vector<Slice>& slices) {
  std::map<NodeId, int64_t> space;
  for (const auto& [node, left] : facts.space) space[node] = left.bytes;
  for (size_t i = 0, count = slices.size(); i < count; ++i) {
    if (slices[i].reason != RemoteReason::kRepairable) continue;
    const ProcessFacts& process = facts.processes[slices[i].process];
    int64_t left = slices[i].bytes;
    for (const NodeId node : process.home_nodes& process.allowed_nodes) {
      const int64_t fits = std::clamp(space[node], int64_t{0}, left);
      space[node] -= fits;
      left -= fits;
    }
    Reassign(slices, i, left, RemoteReason::kNoRoom);
  }
}

std::string SelectorWords(const Workload& workload) {
  if (workload.process.has_value()) return absl::StrCat("--pid ", workload.process->pid);
  if (!workload.container.has_value()) return absl::StrCat("--cgroup ", workload.cgroup_path);
  return absl::StrCat("--container ", workload.container->container_id.substr(0, 12));
}

std::string AdviceOn(RemoteReason reason, const Workload& workload, bool all_owned) {
  const absl::string_view advice =
      reason == RemoteReason::kShared && all_owned ? kAdviceOnOwned : AdviceOf(reason);
  return absl::StrReplaceAll(
      advice, {{"migrate WORKLOAD", absl::StrCat("migrate ", SelectorWords(workload))}});
}

// "process 12 asks for node 0": the first of `processes`, with the number of others.
std::string PolicyWords(const ExplanationFacts& facts, const std::set<size_t>& processes) {
  const ProcessFacts& first = facts.processes[*processes.begin()];
  std::string words =
      absl::StrCat("process ", first.id.pid, " asks for node ", first.policy_nodes.ToString());
  if (processes.size() > 1) absl::StrAppend(&words, ", and ", processes.size() - 1, " more");
  return words;
}

// Adds up the slices of one reason.
struct PartSum {
  int64_t bytes = 0;
  std::map<NodeId, int64_t> by_node;
  std::set<size_t> processes;
  int64_t owned_bytes = 0;
  int64_t unmapped_bytes = 0;
};

std::string DetailOf(const ExplanationFacts& facts, RemoteReason reason, const PartSum& sum) {
  std::vector<std::string> words;
  for (const auto& [node, bytes] : sum.by_node) {
    if (node != NodeId{})
      words.push_back(absl::StrCat(FormatBytes(bytes), " on node ", node.value));
  }
  if (reason == RemoteReason::kShared && sum.owned_bytes > 0) {
    words.push_back(
        absl::StrCat(FormatBytes(sum.owned_bytes), " shared by processes of this workload only"));
  }
  if (reason == RemoteReason::kShared && !facts.sharing_note.empty()) {
    words.push_back(facts.sharing_note);
  }
  if (sum.unmapped_bytes > 0) {
    words.push_back(absl::StrCat(FormatBytes(sum.unmapped_bytes),
                                 " of shared memory and tmpfs files that no process maps"));
  }
  if (reason == RemoteReason::kMemoryPolicy) words.push_back(PolicyWords(facts, sum.processes));
  if (reason == RemoteReason::kCpusetForbids) {
    words.push_back(absl::StrCat("its home node is ",
                                 facts.processes[*sum.processes.begin()].home_nodes.ToString(),
                                 ", but cpuset.mems allows only node ",
                                 facts.processes[*sum.processes.begin()].allowed_nodes.ToString()));
  }
  if (reason == RemoteReason::kNoRoom) {
    NodeSet homes;
    for (const size_t process : sum.processes) homes = homes | facts.processes[process].home_nodes;
    for (const auto& [node, space] : facts.space) {
      if (homes.Contains(node)) words.push_back(space.words);
    }
  }
  return absl::StrJoin(words, "; ");
}

std::vector<RemotePart> SumUp(const ExplanationFacts& facts, const std::vector<Slice>& slices) {
  std::map<RemoteReason, PartSum> sums;
  for (const Slice& slice : slices) {
    if (slice.bytes == 0) continue;
    PartSum& sum = sums[slice.reason];
    sum.bytes += slice.bytes;
    sum.by_node[slice.node] += slice.bytes;
    sum.processes.insert(slice.process);
    if (slice.sharing == PageSharing::kOwned) sum.owned_bytes += slice.bytes;
    if (slice.kind == MemoryKind::kShmem && slice.reason == RemoteReason::kPageCache) {
      sum.unmapped_bytes += slice.bytes;
    }
  }
  std::vector<RemotePart> parts;
  for (const auto& [reason, sum] : sums) {
    parts.push_back({reason, sum.bytes,
                     AdviceOn(reason, facts.placement.workload, sum.owned_bytes == sum.bytes),
                     DetailOf(facts, reason, sum)});
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const RemotePart& a, const RemotePart& b) { return a.bytes > b.bytes; });
  return parts;
}

}  // namespace

const EnumTable<RemoteReason>& TableOf(RemoteReason) { return kRemoteReasons; }

double ErrorBound(const std::vector<ProcessFacts>& processes) {
  constexpr double kDeviations = 1.96;  // 95 %
  constexpr double kWorstPart = 0.5;
  double all = 0;
  for (const ProcessFacts& process : processes) all += static_cast<double>(process.resident_pages);
  double variance = 0;
  for (const ProcessFacts& process : processes) {
    const auto resident = static_cast<double>(process.resident_pages);
    const auto sampled = static_cast<double>(process.sampled_pages);
    if (process.sampled_pages >= process.resident_pages || process.sampled_pages == 0) continue;
    const double unseen = (resident - sampled) / (resident - 1);  // of a finite population
    const double weight = resident / all;
    variance += weight * weight * unseen * kWorstPart * (1 - kWorstPart) / sampled;
  }
  return std::min(1., kDeviations * std::sqrt(variance));
}

PlacementExplanation Explain(ExplanationFacts facts) {
  PlacementExplanation explanation;
  explanation.complete = facts.complete;
  explanation.error_bound = facts.complete ? 0 : ErrorBound(facts.processes);
  for (const ProcessFacts& process : facts.processes) {
    explanation.sampled_pages += process.sampled_pages;
  }
  explanation.circumstances = CircumstancesOf(facts.machine, facts.placement, facts.topology);
  ProcessFacts workload;  // for memory that was found in no process
  workload.home_nodes = facts.placement.home_nodes;
  workload.allowed_nodes = facts.placement.allowed_nodes;
  facts.processes.push_back(workload);
  std::vector<Slice> slices = SplitRemote(facts);
  FindStuck(slices, facts.stuck_bytes);
  FindNoRoom(facts, slices);
  explanation.parts = SumUp(facts, slices);
  explanation.placement = std::move(facts.placement);
  return explanation;
}

}  // namespace numalocality
