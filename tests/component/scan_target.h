// A process with every kind of memory, and what a scan of it must find.
#ifndef NUMALOCALITY_TESTS_COMPONENT_SCAN_TARGET_H_
#define NUMALOCALITY_TESTS_COMPONENT_SCAN_TARGET_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

#include "agent/model/ids.h"
#include "agent/model/placement.h"

namespace numalocality {

// A child of the test, of another user; killed when this is destroyed.
class ScanTarget {
 public:
  // Base pages, and two huge ones.
  static constexpr int kUnreadablePages = 300 + 2 * 512;

  ScanTarget();
  ~ScanTarget();
  ScanTarget(const ScanTarget&) = delete;
  ScanTarget& operator=(const ScanTarget&) = delete;

  pid_t pid() const { return pid_; }

  // What the target has laid out itself: the program's own memory is elsewhere.
  std::vector<AddressRange> ranges() const;

  // By address of the base page, the kind of all that is resident in ranges().
  std::map<uint64_t, MemoryKind> resident() const;

  // Written once, read by maps: transparent huge pages, if the machine has them.
  AddressRange huge() const;

 private:
  pid_t pid_ = -1;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_SCAN_TARGET_H_
