#include "agent/os/pages/page_nodes.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// The time per page does not depend on the size of the call. This many pages take about as long as
// the process may wait for its mmap lock.
constexpr size_t kMostAsked = 512;
// Marks a huge page that must be queried page by page.
constexpr NodeId kInParts{-3};

// Selects one page in 16, at places that do not correlate with an access pattern of the process.
bool IsSample(uint64_t page_number) {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;  // 2^64 divided by it: Fibonacci hashing
  return page_number * kGoldenRatio >> 60 == 0;
}

}  // namespace

bool PageNodes::IsExpectable(const FoundPage& page) const {
  return page.pages == 1 && expected_[page.kind] != NodeId{};
}

absl::Status PageNodes::Resolve(std::vector<FoundPage>& found) {
  asked_.clear();
  bool is_sampled = false;
  for (uint32_t i = 0; i < found.size(); ++i) {
    if (found[i].node != NodeId{}) continue;
    if (IsExpectable(found[i]) && !IsSample(found[i].address / page_bytes_)) {
      is_sampled = true;
    } else {
      asked_.push_back(i);
    }
  }
  NL_RETURN_IF_ERROR(Ask(found));
  if (is_sampled) {
    const bool hold = ExpectationsHold(found);
    asked_.clear();
    for (uint32_t i = 0; i < found.size(); ++i) {
      if (found[i].node != NodeId{}) continue;
      if (hold) {
        found[i].node = expected_[found[i].kind];
      } else {
        asked_.push_back(i);
      }
    }
    NL_RETURN_IF_ERROR(Ask(found));
  }
  const auto in_parts = [](const FoundPage& page) { return page.node == kInParts; };
  return std::any_of(found.begin(), found.end(), in_parts) ? AskForParts(found) : absl::OkStatus();
}

bool PageNodes::ExpectationsHold(const std::vector<FoundPage>& found) {
  bool hold = true;
  for (const uint32_t i : asked_) {
    const FoundPage& page = found[i];
    if (page.node < NodeId{0} || !IsExpectable(page)) continue;
    if (page.node == expected_[page.kind]) continue;
    expected_[page.kind] = NodeId{};
    hold = false;
  }
  return hold;
}

// These were huge pages when they were found, and have been split since.
absl::Status PageNodes::AskForParts(std::vector<FoundPage>& found) {
  std::vector<FoundPage> parts;
  for (const FoundPage& page : found) {
    if (page.node != kInParts) {
      parts.push_back(page);
      continue;
    }
    for (int32_t i = 0; i < page.pages; ++i) {
      const uint64_t address = page.address + static_cast<uint64_t>(i) * page_bytes_;
      parts.push_back({address, 1, NodeId{}, page.range_index, page.kind, false});
    }
  }
  found.swap(parts);
  asked_.clear();
  for (uint32_t i = 0; i < found.size(); ++i) {
    if (found[i].node == NodeId{}) asked_.push_back(i);
  }
  return Ask(found);
}

absl::Status PageNodes::Ask(std::vector<FoundPage>& found) {
  for (size_t first = 0; first < asked_.size(); first += kMostAsked) {
    const size_t count = std::min(kMostAsked, asked_.size() - first);
    addresses_.clear();
    for (size_t i = first; i < first + count; ++i) addresses_.push_back(found[asked_[i]].address);
    status_.resize(count);
    const int result = MovePages(kernel_, process_, addresses_, {}, absl::MakeSpan(status_));
    pacer_.AfterRead();
    const std::string what =
        absl::StrCat("query the nodes of the pages of process ", process_.pid());
    if (result == -ESRCH || result == -EINVAL) return absl::NotFoundError(what + ": has exited");
    // Seccomp filters often return ENOSYS.
    if (result == -ENOSYS)
      return absl::PermissionDeniedError(
          what + ": move_pages(2) is blocked, probably by a seccomp filter");
    if (result < 0) return ErrnoStatus(-result, what);
    for (size_t i = 0; i < count; ++i) {
      FoundPage& page = found[asked_[first + i]];
      page.node = status_[i] >= 0                           ? NodeId{status_[i]}
                  : status_[i] == -ENOENT && page.pages > 1 ? kInParts
                                                            : kHiddenNode;
    }
  }
  return absl::OkStatus();
}

}  // namespace numalocality
