// Judges words read from a page: which of them are not what their owner wrote, and in what way.
// Pure: no memory but its arguments is read.
#ifndef TESTS_INTEGRITY_PAGE_CHECK_H_
#define TESTS_INTEGRITY_PAGE_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tests/integrity/word.h"

namespace numalocality::integrity {

// The fault of a page. The order is that of the counts in a Tally.
enum class Fault {
  kStale,      // an earlier version, all of it: a write was lost, or an old copy came back
  kTorn,       // versions mixed that never stood side by side
  kMisplaced,  // valid words of another address or another owner
  kZeroed,     // zero words, which nobody writes
  kCorrupt,    // words that nobody ever wrote
};
inline constexpr size_t kFaultCount = 5;
inline constexpr const char* kFaultNames[kFaultCount] = {"stale", "torn", "misplaced", "zeroed",
                                                         "corrupt"};

// The words that a reader may see: those of `owner` from `first_index` on, with versions from
// `oldest` to `newest`. The two are equal for a page that nobody is writing.
struct Expected {
  uint32_t owner;
  uint32_t first_index;
  uint32_t oldest;
  uint32_t newest;
};

// The bounds of the whole workload: they separate a misplaced word from one that nobody wrote.
struct Extent {
  uint32_t owners;       // owners are 1 to this
  uint32_t slice_words;  // no slice is longer
};

struct Finding {
  Fault fault;
  uint32_t index;  // of the first wrong word in its owner's slice
  uint64_t found;  // that word
};

// Nothing, when all of `words` are as expected. REQUIRES: at least one word.
std::optional<Finding> CheckWords(std::span<const uint64_t> words, const Expected& expected,
                                  const Extent& extent);

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_PAGE_CHECK_H_
