#include "agent/engine/workload/sharing_proof.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/process_cgroup.h"
#include "agent/os/process/process_memory.h"

namespace numalocality {
namespace {

// Whether KSM may have merged pages of unrelated processes.
bool KsmHasMerged(const Host& host) {
  const auto text = ReadFile(host.ksm + "/pages_shared");
  int64_t pages = 0;
  return !absl::IsNotFound(text.status()) &&
         (!text.ok() || !absl::SimpleAtoi(*text, &pages) || pages != 0);
}

bool IsAnonymous(Backing backing) {
  return backing == Backing::kAnonymous || backing == Backing::kHeap || backing == Backing::kStack;
}

}  // namespace

// Reads the workload's processes first, then all others.
class SharingProof::Survey {
 public:
  Survey(KernelCalls& kernel, const Clock& clock, const Host& host, const Workload& workload,
         std::function<bool()> is_cancelled)
      : kernel_(kernel),
        clock_(clock),
        host_(host),
        workload_(workload),
        is_cancelled_(std::move(is_cancelled)),
        budget_(kAllLimits, clock, is_cancelled_),
        own_budget_(kAllOwnLimits, clock, is_cancelled_) {}

  SharingProof Take(const std::vector<pid_t>& own_pids) {
    if (const absl::Status status = ReadAll(own_pids); !status.ok()) {
      SharingProof nothing;
      if (absl::IsCancelled(status)) return nothing;
      nothing.note_ = absl::StrCat("shared pages are not moved: ", status.message());
      return nothing;
    }
    return Conclude();
  }

 private:
  absl::Status ReadAll(const std::vector<pid_t>& own_pids) {
    for (const pid_t pid : own_pids) NL_RETURN_IF_ERROR(IgnoreGone(ReadOwn(pid)));
    std::set<pid_t> seen(own_pids.begin(), own_pids.end());
    // The second pass finds processes that were forked during the first.
    for (int i = 0; i < 2; ++i) {
      NL_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ListAllProcesses(host_, budget_));
      for (const pid_t pid : pids) {
        if (seen.insert(pid).second) NL_RETURN_IF_ERROR(IgnoreGone(ReadOther(pid)));
      }
    }
    return absl::OkStatus();
  }

  static absl::Status IgnoreGone(const absl::Status& status) {
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }

  absl::Status ReadOwn(pid_t pid) {
    NL_ASSIGN_OR_RETURN(const ProcessMemory memory,
                        ProcessMemory::Open(kernel_, host_, pid, budget_));
    own_marks_[pid] = memory.exec_mark();
    marks_.insert(memory.exec_mark());
    absl::Status status = ReadObjects(memory);
    if (!absl::IsResourceExhausted(status)) return status;
    if (own_limit_.has_value()) return absl::OkStatus();
    own_limit_ =
        absl::StrCat("not all shared memory of process ", pid, " is moved: ", status.message());
    return absl::OkStatus();
  }

  // Adds the shared memory that an own process maps.
  absl::Status ReadObjects(const ProcessMemory& memory) {
    ReadBudget budget(kRequestLimits, own_budget_);
    NL_ASSIGN_OR_RETURN(const std::set<DeviceId> devices, memory.ReadShmemDevices(budget));
    return memory.VisitMappings(budget, [&](const Mapping& mapping) {
      if (devices.contains(mapping.file.device)) objects_.insert(mapping.file);
    });
  }

  // Adds those of objects_ that a foreign process maps to `common`.
  absl::Status FindCommon(const ProcessMemory& memory, std::set<FileId>& common) {
    const absl::Duration start = clock_.Monotonic();
    ReadBudget budget({std::min(kForeignLimits.bytes, foreign_left_.bytes),
                       std::min(kForeignLimits.time, foreign_left_.time)},
                      clock_, is_cancelled_);
    absl::Status status = memory.VisitMappings(budget, [&](const Mapping& mapping) {
      if (objects_.contains(mapping.file)) common.insert(mapping.file);
    });
    foreign_left_.bytes -= budget.taken_bytes();
    foreign_left_.time -= clock_.Monotonic() - start;
    return status;
  }

  absl::Status ReadOther(pid_t pid) {
    NL_ASSIGN_OR_RETURN(const ProcessMemory memory,
                        ProcessMemory::Open(kernel_, host_, pid, budget_));
    const bool is_relative = marks_.contains(memory.exec_mark());
    std::set<FileId> common;
    absl::Status status;
    // After a process that may map any object, no object can be owned.
    if (!objects_.empty() && !unread_.has_value()) status = FindCommon(memory, common);
    const bool is_unread = absl::IsResourceExhausted(status);
    if (!is_unread) NL_RETURN_IF_ERROR(status);
    if (!is_relative && common.empty() && !is_unread) return absl::OkStatus();
    if (BelongsToWorkload(pid)) return absl::OkStatus();
    if (is_unread) {
      unread_ = absl::StrCat("shared memory objects are not moved: process ", pid,
                             " outside the workload may map them: ", status.message());
    }
    if (is_relative) {
      foreign_marks_.insert(memory.exec_mark());
      relative_ = pid;
    }
    if (!common.empty()) {
      foreign_objects_.merge(common);
      mapper_ = pid;
    }
    return absl::OkStatus();
  }

  // Whether the process is in the workload's cgroup: it may have started after the PIDs were
  // listed, or may have been hidden then.
  bool BelongsToWorkload(pid_t pid) const {
    if (workload_.process) return false;
    const auto text = ReadFile(absl::StrCat(host_.proc, "/", pid, "/cgroup"));
    const auto path = text.ok() ? ProcessCgroup(host_, *text) : text;
    return path.ok() && workload_.HoldsCgroup(*path);
  }

  SharingProof Conclude() const {
    SharingProof proof;
    std::vector<std::string> notes;
    const bool ksm_has_merged = KsmHasMerged(host_);
    for (const auto& [pid, mark] : own_marks_) {
      proof.owns_anonymous_[pid] = !ksm_has_merged && !foreign_marks_.contains(mark);
    }
    if (ksm_has_merged) {
      notes.push_back(absl::StrCat("shared anonymous pages are not moved: KSM has merged pages (",
                                   host_.ksm,
                                   "/pages_shared), and does not report which processes map them"));
    } else if (relative_) {
      notes.push_back(absl::StrCat("shared anonymous pages are not moved: process ", *relative_,
                                   " outside the workload has a common ancestor, and may map "
                                   "them"));
    }
    if (own_limit_.has_value()) notes.push_back(*own_limit_);
    if (unread_.has_value()) {
      notes.push_back(*unread_);
      proof.note_ = absl::StrJoin(notes, "; ");
      return proof;
    }
    std::set_difference(objects_.begin(), objects_.end(), foreign_objects_.begin(),
                        foreign_objects_.end(),
                        std::inserter(proof.owned_objects_, proof.owned_objects_.end()));
    if (mapper_) {
      notes.push_back(
          absl::StrCat(foreign_objects_.size(), " of ", objects_.size(),
                       " shared memory objects are not moved: a process outside the workload "
                       "maps them, too (process ",
                       *mapper_, ")"));
    }
    proof.note_ = absl::StrJoin(notes, "; ");
    return proof;
  }

  KernelCalls& kernel_;
  const Clock& clock_;
  const Host& host_;
  const Workload& workload_;
  const std::function<bool()> is_cancelled_;
  ReadBudget budget_;      // for all reads; the bytes of maps count in budgets of their own
  ReadBudget own_budget_;  // for the maps of own processes, which are read first
  ReadLimits foreign_left_ = kAllForeignLimits;
  std::map<pid_t, uint64_t> own_marks_;
  std::set<uint64_t> marks_;          // of own_marks_
  std::set<uint64_t> foreign_marks_;  // those that a foreign process has, too
  std::set<FileId> objects_;          // shared memory that own processes map
  std::set<FileId> foreign_objects_;  // those that a foreign process maps, too
  std::optional<pid_t> relative_;     // a foreign process with one of own_marks_
  std::optional<pid_t> mapper_;       // a foreign process that maps one of objects_
  // Why the maps of an own (the first one), or of a foreign process, were not read to the end; for
  // people.
  std::optional<std::string> own_limit_;
  std::optional<std::string> unread_;
};

SharingProof SharingProof::Take(KernelCalls& kernel, const Clock& clock, const Host& host,
                                const Workload& workload, const std::vector<pid_t>& own_pids,
                                std::function<bool()> is_cancelled) {
  return Survey(kernel, clock, host, workload, std::move(is_cancelled)).Take(own_pids);
}

bool SharingProof::OwnsAnonymous(pid_t own_pid) const {
  const auto found = owns_anonymous_.find(own_pid);
  return found != owns_anonymous_.end() && found->second;
}

bool SharingProof::OwnsObject(const FileId& object) const {
  return owned_objects_.contains(object);
}

std::vector<AddressRange> SharingProof::OwnedRanges(pid_t own_pid,
                                                    absl::Span<const Mapping> mappings) const {
  const bool owns_anonymous = OwnsAnonymous(own_pid);
  std::vector<AddressRange> ranges;
  for (const Mapping& mapping : mappings) {
    const bool is_owned =
        IsAnonymous(mapping.backing)
            ? owns_anonymous
            : OwnsObject(mapping.file) && (!mapping.MayHoldCopies() || owns_anonymous);
    if (!is_owned) continue;
    if (!ranges.empty() && ranges.back().end == mapping.range.start) {
      ranges.back().end = mapping.range.end;
    } else {
      ranges.push_back(mapping.range);
    }
  }
  return ranges;
}

}  // namespace numalocality
