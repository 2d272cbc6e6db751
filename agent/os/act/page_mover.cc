#include "agent/os/act/page_mover.h"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <optional>

#include "absl/status/statusor.h"
#include "agent/os/pages/pagemap.h"

namespace numalocality {
namespace {

PageOutcome OutcomeOfStatus(int status, NodeId target) {
  if (status == target.value) return PageOutcome::kMoved;
  if (status >= 0) return PageOutcome::kBusy;  // it has stayed on its node
  switch (-status) {
    case EACCES: return PageOutcome::kShared;
    case ENOENT: return PageOutcome::kVanished;
    case ENOMEM: return PageOutcome::kNoMemory;
    case EFAULT:  // the zero page, or memory that the kernel does not manage
    case EIO:
    case EINVAL: return PageOutcome::kNotMigratable;
    default: return PageOutcome::kBusy;  // EBUSY
  }
}

PageOutcome OutcomeOfStop(MoveStop stop) {
  switch (stop) {
    case MoveStop::kReplaced: return PageOutcome::kIdentityChanged;
    case MoveStop::kNoMemory: return PageOutcome::kNoMemory;
    case MoveStop::kForbidden: return PageOutcome::kForbidden;
    case MoveStop::kNodeGone: return PageOutcome::kNotAttempted;
    case MoveStop::kPermissionDenied: return PageOutcome::kPermissionDenied;
    case MoveStop::kUnexpected: return PageOutcome::kNotMigratable;
    case MoveStop::kNone:
    case MoveStop::kExited: break;
  }
  return PageOutcome::kVanished;
}

MoveStop StopOfErrno(int error_number) {
  switch (error_number) {
    case ESRCH:
    case EINVAL:  // a zombie, which has no address space
      return MoveStop::kExited;
    case ENOMEM: return MoveStop::kNoMemory;
    case EACCES: return MoveStop::kForbidden;
    case ENODEV: return MoveStop::kNodeGone;
    case EPERM:
    case ENOSYS:  // seccomp filters often return it
      return MoveStop::kPermissionDenied;
    default: return MoveStop::kUnexpected;
  }
}

MoveStop StopOfFate(ProcessFate fate) {
  switch (fate) {
    case ProcessFate::kRunning: return MoveStop::kNone;
    case ProcessFate::kExited: return MoveStop::kExited;
    case ProcessFate::kReplaced: return MoveStop::kReplaced;
  }
  return MoveStop::kNone;
}

// The state of one batch: which pages have an outcome, and which must still be tried.
class Batch {
 public:
  Batch(KernelCalls& kernel, const Clock& clock, const ProcessHandle& process,
        absl::Span<const PageMove> moves, MoveFlag flag, int64_t page_bytes)
      : kernel_(kernel),
        clock_(clock),
        process_(process),
        moves_(moves),
        flag_(flag),
        page_bytes_(page_bytes),
        outcomes_(moves.size()) {}

  BatchResult Run() {
    std::vector<size_t> todo(moves_.size());
    std::iota(todo.begin(), todo.end(), size_t{0});
    while (!todo.empty() && result_.stop == MoveStop::kNone) todo = Call(todo);
    return Finish();
  }

 private:
  // Tries `pages` (indices, not empty) in one call and sets their outcomes. Returns the pages that
  // the kernel did not try.
  std::vector<size_t> Call(const std::vector<size_t>& pages) {
    if (!CheckFate()) return pages;
    std::vector<uint64_t> addresses;
    for (const size_t page : pages) addresses.push_back(moves_[page].address);
    const std::vector<int> nodes(pages.size(), moves_.front().target.value);
    std::vector<int> status(pages.size());
    const absl::Duration start = clock_.Monotonic();
    const int code = MovePages(kernel_, process_, addresses, nodes, absl::MakeSpan(status), flag_);
    result_.calls.Add(clock_.Monotonic() - start);
    if (!CheckFate()) return pages;
    if (code < 0) {
      result_.stop = StopOfErrno(-code);
      result_.error_number = -code;
    }
    const bool all_known = std::none_of(status.begin(), status.end(), [](int page) {
      return page == kStatusUnwritten || page == -EBUSY;
    });
    if (code == 0 && all_known) return Settle(pages, status, status);
    // Errors are not atomic and leave statuses unwritten, before Linux 6.1 even with a result of 0.
    // A busy page may have moved together with its huge page. So query where the pages are now.
    std::vector<int> now(pages.size());
    const int query = MovePages(kernel_, process_, addresses, {}, absl::MakeSpan(now));
    if (!CheckFate()) return pages;
    if (query < 0) {
      // A query has no target that a cpuset could forbid, so EACCES comes from a security module.
      result_.stop = query == -EACCES ? MoveStop::kPermissionDenied : StopOfErrno(-query);
      result_.error_number = -query;
      return pages;
    }
    return Settle(pages, status, now);
  }

  // `status` is what the moving call wrote, `now` where the pages are. The kernel moves consecutive
  // pages with the same target as one group, and stops at the first group in which a page failed.
  // The status of that group remains unwritten; the group ends at a page whose status was written,
  // or at the end of the call. So if any page before the last written status is unwritten, these
  // pages are the group that was tried, and the pages after it were not tried. Otherwise the group
  // is what follows the last written status.
  std::vector<size_t> Settle(const std::vector<size_t>& pages, const std::vector<int>& status,
                             const std::vector<int>& now) {
    size_t last_written = pages.size();
    for (size_t i = 0; i < pages.size(); ++i) {
      if (status[i] != kStatusUnwritten) last_written = i;
    }
    bool group_is_before = false;
    for (size_t i = 0; last_written != pages.size() && i < last_written; ++i) {
      group_is_before |= status[i] == kStatusUnwritten;
    }
    std::vector<size_t> untried;
    for (size_t i = 0; i < pages.size(); ++i) {
      const NodeId target = moves_[pages[i]].target;
      const bool written = status[i] != kStatusUnwritten;
      if (now[i] == target.value) {
        outcomes_[pages[i]] = PageOutcome::kMoved;
      } else if (written) {
        const PageOutcome outcome = OutcomeOfUnmoved(moves_[pages[i]].address, status[i], target);
        if (outcome == PageOutcome::kNoMemory) result_.stop = MoveStop::kNoMemory;
        outcomes_[pages[i]] = outcome;
      } else if (now[i] < 0) {
        const PageOutcome outcome = OutcomeOfUnmoved(moves_[pages[i]].address, now[i], target);
        outcomes_[pages[i]] = outcome == PageOutcome::kBusy ? outcome : PageOutcome::kVanished;
      } else if (group_is_before && i > last_written) {
        untried.push_back(pages[i]);
      } else {
        outcomes_[pages[i]] = PageOutcome::kPinned;
      }
    }
    return untried;
  }

  // The outcome of a page that did not move. A page that the kernel reports as absent (-ENOENT) or
  // as not to be moved (-EFAULT) may exist nevertheless, and may be reported and moved later (see
  // kHiddenNode); it counts as busy. -EFAULT is also the status of an address that is no longer
  // mapped.
  PageOutcome OutcomeOfUnmoved(uint64_t address, int status, NodeId target) {
    const PageOutcome outcome = OutcomeOfStatus(status, target);
    if (status != -ENOENT && status != -EFAULT) return outcome;
    const std::optional<PagemapEntry> entry = ReadEntry(address);
    if (!entry.has_value()) return outcome;
    if (!entry->is_present()) return PageOutcome::kVanished;
    // Zero pages, which have -EFAULT because they cannot be moved, are not exclusive.
    return status == -ENOENT || entry->is_exclusive() ? PageOutcome::kBusy : outcome;
  }

  // nullopt if pagemap cannot be read.
  std::optional<PagemapEntry> ReadEntry(uint64_t address) {
    if (!pagemap_.has_value()) pagemap_.emplace(Pagemap::Open(kernel_, process_, page_bytes_));
    if (!pagemap_->ok()) return std::nullopt;
    std::vector<PagemapEntry> entry;
    const AddressRange page{address, address + static_cast<uint64_t>(page_bytes_)};
    if (!(*pagemap_)->Read(page, entry).ok()) return std::nullopt;
    return entry.empty() ? PagemapEntry() : entry.front();  // empty: after the end of its memory
  }

  bool CheckFate() {
    if (const MoveStop stop = StopOfFate(process_.Fate()); stop != MoveStop::kNone) {
      result_.stop = stop;
    }
    return result_.stop != MoveStop::kExited && result_.stop != MoveStop::kReplaced;
  }

  // After an early stop, pages that have not moved get the outcome of the stop.
  BatchResult Finish() {
    for (auto& outcome : outcomes_) {
      const bool is_open =
          !outcome.has_value() || outcome == PageOutcome::kPinned || outcome == PageOutcome::kBusy;
      result_.outcomes.push_back(is_open && result_.stop != MoveStop::kNone
                                     ? OutcomeOfStop(result_.stop)
                                     : outcome.value_or(PageOutcome::kVanished));
    }
    return std::move(result_);
  }

  KernelCalls& kernel_;
  const Clock& clock_;
  const ProcessHandle& process_;
  const absl::Span<const PageMove> moves_;
  const MoveFlag flag_;
  const int64_t page_bytes_;
  std::vector<std::optional<PageOutcome>> outcomes_;
  std::optional<absl::StatusOr<Pagemap>> pagemap_;
  BatchResult result_;
};

}  // namespace

BatchResult PageMover::Move(const ProcessHandle& process, absl::Span<const PageMove> moves,
                            MoveFlag flag) const {
  return Batch(kernel_, clock_, process, moves, flag, page_bytes_).Run();
}

std::optional<absl::Duration> PageMover::MeasureEmptyCall(const ProcessHandle& process,
                                                          NodeId target) const {
  const uint64_t address = kNeverMapped;
  const int node = target.value;
  int status = kStatusUnwritten;
  const absl::Duration start = clock_.Monotonic();
  const int code = kernel_.MovePages(process.thread(), {&address, 1}, {&node, 1}, {&status, 1});
  if (code != 0) return std::nullopt;
  return clock_.Monotonic() - start;
}

std::vector<int> PageMover::Query(const ProcessHandle& process,
                                  absl::Span<const PageMove> moves) const {
  std::vector<uint64_t> addresses;
  for (const PageMove& move : moves) addresses.push_back(move.address);
  std::vector<int> status(moves.size());
  const int code = MovePages(kernel_, process, addresses, {}, absl::MakeSpan(status));
  if (code < 0 || process.Fate() != ProcessFate::kRunning) return {};
  return status;
}

}  // namespace numalocality
