// A process with every kind of memory, and the pages that a scan of it must find.
#ifndef NUMALOCALITY_TESTS_COMPONENT_SCAN_TARGET_H_
#define NUMALOCALITY_TESTS_COMPONENT_SCAN_TARGET_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

#include "agent/model/ids.h"
#include "agent/model/placement.h"

namespace numalocality {

// A child process of the test, with another user. Killed by the destructor.
class ScanTarget {
 public:
  // Base pages, and two huge ones.
  static constexpr int kUnreadablePages = 300 + 2 * 512;

  ScanTarget();
  ~ScanTarget();
  ScanTarget(const ScanTarget&) = delete;
  ScanTarget& operator=(const ScanTarget&) = delete;

  pid_t pid() const { return pid_; }

  // The memory that the target has mapped for the test, without the program's own memory.
  std::vector<AddressRange> ranges() const;

  // The kind of every resident base page in ranges(), by address.
  std::map<uint64_t, MemoryKind> resident() const;

  // Transparent huge pages, if the machine has them.
  AddressRange huge() const;

 private:
  pid_t pid_ = -1;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_SCAN_TARGET_H_
