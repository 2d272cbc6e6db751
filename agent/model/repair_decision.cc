#include "agent/model/repair_decision.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/units.h"

namespace numalocality {
namespace {

// The home nodes of the workload and of all its processes.
NodeSet AllHomes(const WorkloadPlacement& placement) {
  NodeSet homes = placement.home_nodes;
  for (const ProcessPlacement& process : placement.processes) homes = homes | process.home_nodes;
  return homes;
}

// Asks the questions in order; the first "no" is the decision.
class Decider {
 public:
  Decider(const WorkloadReport& report, const PolicyMatch& match, const RepairHistory& history,
          const Topology& topology, const RepairFacts& facts)
      : placement_(report.placement),
        home_since_(report.home_since),
        match_(match),
        policy_(match.policy),
        history_(history),
        topology_(topology),
        facts_(facts),
        homes_(AllHomes(report.placement)) {}

  DecidedRepair Decide() {
    if (!IsWanted() || !IsAllowed() || !IsWise() || !IsPossible()) return Result();
    std::string message = absl::StrCat(FormatBytes(result_.estimate.bytes),
                                       " of it will be moved to node ", homes_.ToString());
    if (result_.estimate.no_room_bytes > 0) {
      absl::StrAppend(&message, ", ", FormatBytes(result_.estimate.no_room_bytes),
                      " more once there is room: ", RoomOfHomes(result_.estimate.bytes));
    }
    Say(RepairVerdict::kRepair, RepairReason::kRemote, std::move(message));
    return Result();
  }

 private:
  bool Say(RepairVerdict verdict, RepairReason reason, std::string message,
           absl::Duration next = absl::InfiniteDuration()) {
    result_.decision.verdict = verdict;
    result_.decision.reason = reason;
    result_.decision.message = std::move(message);
    result_.decision.next = next;
    return false;
  }
  bool Leave(RepairReason reason, std::string message) {
    return Say(RepairVerdict::kLeave, reason, std::move(message));
  }
  bool Wait(RepairReason reason, std::string message,
            absl::Duration next = absl::InfiniteDuration()) {
    return Say(RepairVerdict::kWait, reason, std::move(message), next);
  }
  DecidedRepair Result() {
    if (policy_ != nullptr) result_.decision.policy = policy_->name;
    return std::move(result_);
  }

  // Is there a policy, and does it ask for a repair?
  bool IsWanted() {
    if (policy_ == nullptr) return Leave(match_.reason, match_.message);
    if (placement_.state == PlacementState::kTooLarge) {
      return Leave(
          RepairReason::kTooLarge,
          absl::StrCat("where its processes' memory is, is unknown: ", placement_.state_message));
    }
    if (homes_.empty()) {
      return Leave(RepairReason::kNoHome, "none of its CPUs is on or near a node with memory");
    }
    const std::optional<double> local = placement_.LocalFraction();
    if (!local.has_value())
      return Leave(RepairReason::kLocal, "it has no anonymous or shmem memory");
    if (*local >= policy_->min_local_fraction) {
      return Leave(RepairReason::kLocal, absl::StrFormat("%.1f%% of it is local", *local * 100));
    }
    const int64_t remote = RepairableBytes(placement_, topology_);
    const int64_t movable = std::max(int64_t{0}, remote - history_.stuck_bytes);
    if (movable < LeastBytes()) return SayTooLittle(remote);
    const int64_t total = TotalBytes();
    const double aim = std::min(1.0, policy_->min_local_fraction + kAimAbove);
    const auto wanted = static_cast<int64_t>((aim - *local) * static_cast<double>(total));
    // With StickMode, cpuset.mems will confine all of its memory to the target.
    const bool is_confined = policy_->stick != StickMode::kNone;
    result_.estimate.local_before = *local;
    SetBytes(is_confined ? movable : std::min(movable, wanted));
    if (policy_->action == PolicyAction::kRepair) return true;
    return Leave(RepairReason::kObserved,
                 absl::StrFormat("%.1f%% of it is local; the policy only observes", *local * 100));
  }

  void SetBytes(int64_t bytes) {
    RepairEstimate& estimate = result_.estimate;
    estimate.bytes = bytes;
    estimate.local_expected =
        estimate.local_before + static_cast<double>(bytes) / static_cast<double>(TotalBytes());
    if (facts_.bytes_per_second > 0) {
      estimate.time = absl::Seconds(static_cast<double>(bytes) / facts_.bytes_per_second);
    }
  }

  // With minRemoteBytes 0, a workload without remote memory still needs no repair.
  int64_t LeastBytes() const { return std::max(int64_t{1}, policy_->min_remote_bytes); }

  bool SayTooLittle(int64_t remote) {
    if (remote >= LeastBytes()) {
      return Leave(RepairReason::kGaveUp,
                   absl::StrCat(FormatBytes(history_.stuck_bytes),
                                " of it could not be moved: 'localityctl explain' shows the "
                                "reasons"));
    }
    return Leave(
        RepairReason::kTooLittle,
        absl::StrCat(FormatBytes(remote), " of it is remote and repairable; the policy repairs ",
                     FormatBytes(LeastBytes()), " or more"));
  }

  // Do other migrations, reservations and cpuset.mems permit it?
  bool IsAllowed() {
    if (!facts_.migration_id.empty()) {
      return Wait(RepairReason::kMigrating,
                  absl::StrCat("migration ", facts_.migration_id, " is moving it"));
    }
    if (facts_.reserved_until.has_value()) {
      return Wait(RepairReason::kReserved, absl::StrCat("reserved by ", facts_.reserved_by),
                  *facts_.reserved_until);
    }
    const NodeSet allowed = homes_ & placement_.allowed_nodes;
    if (allowed.empty() && policy_->stick == StickMode::kNone) {
      return Leave(RepairReason::kCpusetForbids,
                   absl::StrCat("its CPUs are near node ", homes_.ToString(),
                                ", but its cpuset.mems allows node ",
                                placement_.allowed_nodes.ToString(), " only"));
    }
    if (!(homes_ & facts_.cleared_nodes).empty()) {
      return Wait(RepairReason::kNodeCleared,
                  absl::StrCat("node ", (homes_ & facts_.cleared_nodes).ToString(),
                               " was evacuated and is kept clear"),
                  facts_.cleared_until);
    }
    return true;
  }

  // Is it likely to help, and to last?
  bool IsWise() {
    const absl::Duration cooldown = history_.Cooldown(*policy_);
    const absl::Duration forgiven = history_.ForgivenAt(*policy_);
    if (history_.fruitless >= RepairHistory::kMostFruitless && facts_.now < forgiven) {
      return Wait(RepairReason::kGaveUp,
                  absl::StrCat(history_.fruitless, " repairs in a row did not help"), forgiven);
    }
    if (history_.undone >= RepairHistory::kMostUndone && facts_.now < forgiven) {
      return Wait(
          RepairReason::kPingPong,
          absl::StrCat("its memory was moved away again after each of the last ", history_.undone,
                       " repairs, by NUMA balancing, kubelet, an NRI plugin or another "
                       "controller"),
          forgiven);
    }
    if (history_.IsFlipping(*policy_, facts_.now)) {
      const absl::Duration calm = home_since_ + std::max(policy_->cooldown, policy_->settle);
      if (facts_.now < calm) {
        return Wait(RepairReason::kPingPong, "its CPUs keep changing", calm);
      }
    }
    const absl::Duration settled = home_since_ + policy_->settle;
    if (facts_.now < settled) {
      return Wait(RepairReason::kSettling,
                  absl::StrCat("a repair waits until its CPUs have stayed on their nodes for ",
                               absl::FormatDuration(policy_->settle)),
                  settled);
    }
    const absl::Duration cool = history_.last_end + cooldown;
    if (facts_.now < cool) {
      return Wait(RepairReason::kCoolingDown,
                  absl::StrCat("no repair starts within ", absl::FormatDuration(cooldown),
                               " after its last migration"),
                  cool);
    }
    return true;
  }

  // Is there room, for the memory and for one more migration?
  bool IsPossible() {
    if (facts_.refused.has_value()) return Wait(RepairReason::kRefused, *facts_.refused);
    if (facts_.pressure >= kHighPressure) {
      return Wait(RepairReason::kUnderPressure, PressureMessage(facts_.pressure),
                  facts_.now + kPressureSpan);
    }
    const int64_t room = Room();
    const int64_t needed = result_.estimate.bytes;
    if (room < needed && room < LeastPart()) {
      return Wait(RepairReason::kNoRoom,
                  absl::StrCat(RoomOfHomes(room), "; the repair needs ", FormatBytes(needed)));
    }
    if (room < needed) {
      SetBytes(room);
      result_.estimate.no_room_bytes = needed - room;
    }
    if (!facts_.may_start) {
      return Wait(RepairReason::kBusy,
                  "the limit of concurrent repairs is reached, or an API request goes first");
    }
    return true;
  }

  // The least bytes for which a repair starts although others have no room: less would not count as
  // help. With StickMode only all of it will do, because cpuset.mems confines the rest too.
  int64_t LeastPart() const {
    if (policy_->stick != StickMode::kNone) return result_.estimate.bytes;
    const double gain = 2 * RepairHistory::kLeastGain * static_cast<double>(TotalBytes());
    return std::max(LeastBytes(), static_cast<int64_t>(gain));
  }

  // For people: the room, and how it was counted.
  std::string RoomOfHomes(int64_t room) const {
    RoomCount count;
    for (const auto& [node, each] : facts_.room) {
      if (!homes_.Contains(node)) continue;
      count.cache += each.cache;
      count.clean_cache += each.clean_cache;
      count.share = each.share;
    }
    std::string words = absl::StrCat("node ", homes_.ToString(), " has room for ",
                                     FormatBytes(room), " above its reserve");
    if (count.clean_cache > 0) absl::StrAppend(&words, "; ", CacheWords(count));
    return words;
  }

  // The room for the memory of each process on its home nodes.
  int64_t Room() const {
    auto free = facts_.room_bytes;
    const auto take = [&](const NodeSet& homes, int64_t bytes) {
      // StickMode adds the home nodes to its cpuset.mems.
      const bool all = policy_->stick != StickMode::kNone;
      int64_t taken = 0;
      for (const NodeId node : all ? homes : homes& placement_.allowed_nodes) {
        const int64_t here = std::clamp(free[node], int64_t{0}, bytes - taken);
        free[node] -= here;
        taken += here;
      }
      return taken;
    };
    if (placement_.processes.empty()) {
      return take(placement_.home_nodes, result_.estimate.bytes);
    }
    const NodeSet nodes = topology_.NodesWithCpus();
    int64_t room = 0;
    for (const ProcessPlacement& process : placement_.processes) {
      room += take(process.home_nodes,
                   process.memory.BytesOn(nodes - process.home_nodes, kPrivateKinds));
    }
    return room;
  }

  int64_t TotalBytes() const {
    if (placement_.processes.empty()) return placement_.memory.Bytes(kPrivateKinds);
    int64_t total = 0;
    for (const auto& process : placement_.processes) total += process.memory.Bytes(kPrivateKinds);
    return total;
  }

  const WorkloadPlacement& placement_;
  const absl::Duration home_since_;
  const PolicyMatch& match_;
  const LocalityPolicy* const policy_;
  const RepairHistory& history_;
  const Topology& topology_;
  const RepairFacts& facts_;
  const NodeSet homes_;
  DecidedRepair result_;
};

}  // namespace

std::string PressureMessage(double pressure) {
  return absl::StrFormat(
      "it loses %.0f%% of its time to memory pressure; a repair starts below %.0f%%",
      pressure * 100, kHighPressure * 100);
}

int64_t RepairableBytes(const WorkloadPlacement& placement, const Topology& topology) {
  const NodeSet nodes = topology.NodesWithCpus();
  if (placement.processes.empty()) {
    return placement.memory.BytesOn(nodes - placement.home_nodes, kPrivateKinds);
  }
  int64_t bytes = 0;
  for (const ProcessPlacement& process : placement.processes) {
    bytes += process.memory.BytesOn(nodes - process.home_nodes, kPrivateKinds);
  }
  return bytes;
}

DecidedRepair DecideRepair(const WorkloadReport& report, const PolicyMatch& match,
                           const RepairHistory& history, const Topology& topology,
                           const RepairFacts& facts) {
  return Decider(report, match, history, topology, facts).Decide();
}

MigrationRequest RepairRequest(const WorkloadReport& report, const LocalityPolicy& policy,
                               const Topology& topology, const RepairEstimate& estimate,
                               std::string trigger) {
  MigrationRequest request;
  const Workload& workload = report.placement.workload;
  WorkloadSelector selector;
  selector.cgroup_path = workload.cgroup_path;
  selector.cgroup_id = workload.cgroup_id;
  request.workloads = {selector};
  MigrationSpec& spec = request.spec;
  const NodeSet memory_only = topology.MemoryNodes() - topology.NodesWithCpus();
  if (!memory_only.empty()) spec.source_nodes = topology.NodesWithCpus();
  if (policy.page_cache) spec.kinds.Insert(MemoryKind::kFile);
  spec.sharing = policy.sharing;
  spec.limits.bytes_per_second = policy.bytes_per_second;
  spec.limits.longest_call = policy.longest_call;
  // Page cache does not count in the estimate, so a repair that moves it has no byte limit.
  // What has no room now is tried too: there may be more when the repair gets there.
  if (!policy.page_cache) spec.enough_bytes = estimate.bytes + estimate.no_room_bytes;
  spec.min_moved = policy.min_local_fraction;
  spec.deadline = kLongestRepair;
  request.estimate = estimate;
  request.stick = policy.stick;
  request.origin = MigrationOrigin::kPolicy;
  request.policy = policy.name;
  request.trigger = std::move(trigger);
  return request;
}

}  // namespace numalocality
