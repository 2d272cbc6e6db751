#include "agent/os/page_scanner.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// Bits of a pagemap entry.
constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr uint64_t kFileOrSharedAnon = uint64_t{1} << 61;

absl::Status GoneError(pid_t pid) {
  return absl::NotFoundError(absl::StrCat("process ", pid, ": exited while it was being read"));
}

// The kind of a resident page of a mapping; nullopt if it is not to be touched.
// `is_anon_copy`: known to be anonymous though the mapping is a file's.
std::optional<MemoryKind> KindOf(Backing backing, bool is_anon_copy) {
  switch (backing) {
    case Backing::kAnonymous:
    case Backing::kHeap:
    case Backing::kStack: return MemoryKind::kAnon;
    case Backing::kShmem: return MemoryKind::kShmem;
    case Backing::kFile: return is_anon_copy ? MemoryKind::kAnon : MemoryKind::kFile;
    case Backing::kHugetlb: return MemoryKind::kHugetlb;
    case Backing::kSpecial: return std::nullopt;
  }
  return std::nullopt;
}

// One scan of one process, with the buffers that its windows share.
class ProcessScan {
 public:
  ProcessScan(KernelCalls& kernel, int64_t page_bytes, const ProcessHandle& process, KindSet kinds)
      : kernel_(kernel),
        page_bytes_(static_cast<uint64_t>(page_bytes)),
        process_(process),
        kinds_(kinds) {}

  absl::Status OpenPagemap() {
    auto pagemap = process_.OpenPagemap();
    if (pagemap.ok()) pagemap_ = *std::move(pagemap);
    // Without the right to read pagemap the scan goes on by queries alone.
    return absl::IsPermissionDenied(pagemap.status()) ? absl::OkStatus() : pagemap.status();
  }

  // The resident pages of `window`, which lies within one mapping.
  absl::StatusOr<absl::Span<const PageRun>> Read(AddressRange window, Backing backing) {
    NL_RETURN_IF_ERROR(ReadCandidates(window, backing));
    NL_RETURN_IF_ERROR(QueryNodes());
    runs_.clear();
    for (const PageRun& page : pages_) {
      if (!runs_.empty() && runs_.back().node == page.node && runs_.back().kind == page.kind &&
          runs_.back().address + static_cast<uint64_t>(runs_.back().pages) * page_bytes_ ==
              page.address) {
        ++runs_.back().pages;
      } else {
        runs_.push_back(page);
      }
    }
    return absl::MakeConstSpan(runs_);
  }

 private:
  // Fills `pages_` with what may be resident, nodes unknown.
  absl::Status ReadCandidates(AddressRange window, Backing backing) {
    const size_t count = window.size() / page_bytes_;
    pages_.clear();
    if (pagemap_.valid()) {
      entries_.resize(count);
      const size_t bytes = count * sizeof(uint64_t);
      const auto offset = static_cast<off_t>(window.start / page_bytes_ * sizeof(uint64_t));
      const ssize_t got = pread(pagemap_.get(), entries_.data(), bytes, offset);
      if (got < 0) return ErrnoStatus(errno, absl::StrCat("pagemap of process ", process_.pid()));
      // Short when the process is exiting: what is missing is not resident any more.
      entries_.resize(static_cast<size_t>(got) / sizeof(uint64_t));
    } else {
      entries_.assign(count, kPresent | kFileOrSharedAnon);
    }
    for (size_t i = 0; i < entries_.size(); ++i) {
      if ((entries_[i] & kPresent) == 0) continue;
      const auto kind = KindOf(backing, (entries_[i] & kFileOrSharedAnon) == 0);
      if (kind.has_value() && kinds_.Contains(*kind)) {
        pages_.push_back({window.start + i * page_bytes_, 1, NodeId{}, *kind});
      }
    }
    return absl::OkStatus();
  }

  // Fills in the nodes of `pages_` and drops those that turn out not to be resident.
  absl::Status QueryNodes() {
    if (pages_.empty()) return absl::OkStatus();
    addresses_.clear();
    for (const PageRun& page : pages_) addresses_.push_back(page.address);
    status_.assign(pages_.size(), kStatusUnwritten);
    const int result = kernel_.MovePages(process_.pid(), addresses_, {}, absl::MakeSpan(status_));
    if (result == -ESRCH || result == -EINVAL || process_.Fate() != ProcessFate::kRunning) {
      return GoneError(process_.pid());
    }
    if (result == -ENOSYS) {  // what seccomp filters like to answer
      return absl::PermissionDeniedError(absl::StrCat("query the nodes of the pages of process ",
                                                      process_.pid(), ": move_pages is blocked"));
    }
    if (result < 0) {
      return ErrnoStatus(-result,
                         absl::StrCat("query the nodes of the pages of process ", process_.pid()));
    }
    size_t kept = 0;
    for (size_t i = 0; i < pages_.size(); ++i) {
      if (status_[i] < 0) continue;
      pages_[kept] = pages_[i];
      pages_[kept++].node = NodeId{status_[i]};
    }
    pages_.resize(kept);
    return absl::OkStatus();
  }

  KernelCalls& kernel_;
  const uint64_t page_bytes_;
  const ProcessHandle& process_;
  const KindSet kinds_;
  ScopedFd pagemap_;
  std::vector<uint64_t> entries_;
  std::vector<uint64_t> addresses_;
  std::vector<int> status_;
  std::vector<PageRun> pages_;  // of one page each
  std::vector<PageRun> runs_;
};

// Whether a mapping can hold pages of `kinds` at all.
bool MayHold(Backing backing, KindSet kinds) {
  for (const bool is_anon_copy : {false, true}) {
    const auto kind = KindOf(backing, is_anon_copy);
    if (kind.has_value() && kinds.Contains(*kind)) return true;
  }
  return false;
}

// `ranges` widened to whole pages, in order, merged where they overlap.
std::vector<AddressRange> WholePages(absl::Span<const AddressRange> ranges, uint64_t page_bytes) {
  std::vector<AddressRange> sorted;
  for (const AddressRange& range : ranges) {
    sorted.push_back({range.start / page_bytes * page_bytes,
                      (range.end + page_bytes - 1) / page_bytes * page_bytes});
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<AddressRange> merged;
  for (const AddressRange& range : sorted) {
    if (!merged.empty() && range.start <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, range.end);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

ScanMethod PageScanner::MethodFor(const ProcessHandle& process) const {
  return process.OpenPagemap().ok() ? ScanMethod::kPresence : ScanMethod::kQuery;
}

bool PageScanner::TellsHugePages(const ProcessHandle&) const { return false; }

absl::Status PageScanner::Scan(const ProcessHandle& process, absl::Span<const AddressRange> ranges,
                               KindSet kinds, WindowVisitor visit) const {
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> mappings, process.ReadMaps());
  ProcessScan scan(kernel_, page_bytes_, process, kinds);
  NL_RETURN_IF_ERROR(scan.OpenPagemap());
  constexpr auto kWindow = static_cast<uint64_t>(kWindowBytes);
  const std::vector<AddressRange> whole_ranges =
      WholePages(ranges, static_cast<uint64_t>(page_bytes_));
  auto first_range = whole_ranges.begin();
  for (const Mapping& mapping : mappings) {
    // Both are in address order: ranges before this mapping are before all further ones, too.
    while (first_range != whole_ranges.end() && first_range->end <= mapping.range.start) {
      ++first_range;
    }
    if (!MayHold(mapping.backing, kinds)) continue;
    for (auto range = first_range; range != whole_ranges.end() && range->start < mapping.range.end;
         ++range) {
      const uint64_t end = std::min(mapping.range.end, range->end);
      for (uint64_t start = std::max(mapping.range.start, range->start); start < end;) {
        const uint64_t next = std::min(end, (start / kWindow + 1) * kWindow);
        NL_ASSIGN_OR_RETURN(const absl::Span<const PageRun> pages,
                            scan.Read({start, next}, mapping.backing));
        if (!visit(pages)) return absl::OkStatus();
        start = next;
      }
    }
  }
  // The maps and the pagemap of a process that has exited read as empty, without an error.
  return process.Fate() == ProcessFate::kRunning ? absl::OkStatus() : GoneError(process.pid());
}

}  // namespace numalocality
