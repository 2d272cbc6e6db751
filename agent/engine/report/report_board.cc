#include "agent/engine/report/report_board.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <utility>

namespace numalocality {
namespace {

// Smaller differences are no change: the memory of a running workload always varies a little.
constexpr double kFractionChange = 0.01;
constexpr int64_t kLeastBytesChange = int64_t{1} << 20;

bool DecisionDiffers(const std::optional<RepairDecision>& a,
                     const std::optional<RepairDecision>& b) {
  if (a.has_value() != b.has_value()) return true;
  return a.has_value() &&
         (a->verdict != b->verdict || a->reason != b->reason || a->policy != b->policy);
}

bool FractionDiffers(const WorkloadPlacement& a, const WorkloadPlacement& b) {
  const std::optional<double> before = a.LocalFraction();
  const std::optional<double> now = b.LocalFraction();
  if (before.has_value() != now.has_value()) return true;
  return before.has_value() && std::abs(*before - *now) >= kFractionChange;
}

bool BytesDiffer(const MemoryByNode& a, const MemoryByNode& b) {
  const int64_t before = a.Bytes(kPrivateKinds);
  const int64_t difference = std::abs(before - b.Bytes(kPrivateKinds));
  return difference >= kLeastBytesChange &&
         static_cast<double>(difference) >= kFractionChange * static_cast<double>(before);
}

bool HasChanged(const WorkloadReport& before, const WorkloadReport& now) {
  const WorkloadPlacement& a = before.placement;
  const WorkloadPlacement& b = now.placement;
  return a.workload.cgroup_id != b.workload.cgroup_id || a.cpus != b.cpus ||
         a.home_nodes != b.home_nodes || a.state != b.state || a.allowed_nodes != b.allowed_nodes ||
         before.description != now.description || before.home_since != now.home_since ||
         DecisionDiffers(before.decision, now.decision) || FractionDiffers(a, b) ||
         BytesDiffer(a.memory, b.memory);
}

}  // namespace

void ReportBoard::Publish(std::shared_ptr<const LocalityReport> report) {
  MutexLock lock(mutex_);
  latest_ = std::move(report);
  const size_t before = changes_.size();
  for (const auto& workload : latest_->workloads) {
    auto& shown = shown_[workload->placement.workload.cgroup_path];
    if (shown == workload || (shown != nullptr && !HasChanged(*shown, *workload))) continue;
    changes_.push_back({workload, {}});
    shown = workload;
  }
  if (shown_.size() > latest_->workloads.size()) DropGone();
  const bool has_news = changes_.size() > before || !has_report_;
  has_report_ = true;
  while (changes_.size() > kMaxChanges) {
    changes_.pop_front();
    ++first_;
  }
  if (has_news) changed_.NotifyAll();
}

void ReportBoard::DropGone() {
  std::set<std::string> there;
  for (const auto& workload : latest_->workloads) {
    there.insert(workload->placement.workload.cgroup_path);
  }
  std::erase_if(shown_, [&](const auto& entry) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (there.contains(entry.first)) return false;
    changes_.push_back({nullptr, entry.second->placement.workload});
    return true;
  });
}

std::shared_ptr<const LocalityReport> ReportBoard::Latest() const {
  static const auto* const kNone =
      new std::shared_ptr<const LocalityReport>(std::make_shared<LocalityReport>());
  MutexLock lock(mutex_);
  return latest_ == nullptr ? *kNone : latest_;
}

ReportChanges ReportBoard::WaitForChanges(int64_t next, absl::Duration timeout) const {
  const absl::Duration end = clock_.Monotonic() + timeout;
  MutexLock lock(mutex_);
  const auto last = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return first_ + static_cast<int64_t>(changes_.size());
  };
  while (!has_report_ || next == last()) {
    const absl::Duration left = end - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) return {false, {}, next};
    changed_.WaitFor(mutex_, left);
  }
  ReportChanges result;
  result.next = last();
  result.resync = next < first_ || next > last();
  if (result.resync) {
    for (const auto& [path, workload] : shown_) result.changes.push_back({workload, {}});
  } else {
    result.changes.assign(changes_.begin() + (next - first_), changes_.end());
  }
  return result;
}

}  // namespace numalocality
