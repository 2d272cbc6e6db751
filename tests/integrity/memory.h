// The memory under test: an anonymous mapping, and the version of each page.
#ifndef TESTS_INTEGRITY_MEMORY_H_
#define TESTS_INTEGRITY_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/integrity/word.h"

namespace numalocality::integrity {

enum class HugePages { kNever, kAlways };

// Who maps a page of the memory.
enum class Sharing {
  kNone,     // one process: each has separate memory
  kMapping,  // all processes, which share one mapping
  kFork,     // all processes, which were forked from one that had populated it: copy on write
};

// The pages that one worker, and no other, writes.
struct Slice {
  uint32_t owner;  // see Word::owner
  size_t first_page;
  size_t page_count;
};

// Words are loaded and stored as atomics, so that workers may read each other's pages. The mapping
// starts on a 2 MiB boundary and lies between guard pages, so it is a separate VMA and
// /proc/PID/numa_maps shows it as one line.
class Memory {
 public:
  // Maps `page_count` pages; none is resident before it is written. Ends the process on failure.
  Memory(size_t page_count, HugePages huge_pages, Sharing sharing = Sharing::kNone);

  // Makes this process map every page that is resident in other processes.
  void MapAll() const;

  // Loads words.size() words of `page` from word `first` on. A word seen implies that every version
  // published before it was written is seen too.
  void Read(size_t page, size_t first, std::span<uint64_t> words) const;
  void Write(size_t page, size_t first, std::span<const uint64_t> words);

  // The version that the page's owner has wholly written. While the owner writes the next one,
  // words may hold either.
  std::atomic<uint32_t>& version(size_t page) { return versions_[page]; }

  size_t page_count() const { return versions_.size(); }
  uint64_t* page(size_t page) const { return start_ + page * kWordsPerPage; }
  uint64_t* end() const { return page(page_count()); }

 private:
  uint64_t* start_;
  std::vector<std::atomic<uint32_t>> versions_;
};

// Maps all of a file, shared with all others that map it, and reads each page. The file stays
// mapped. Ends the process on failure.
void MapFile(const std::string& path);

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_MEMORY_H_
