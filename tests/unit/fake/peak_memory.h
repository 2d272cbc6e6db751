// How much memory a reading takes while it runs.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_PEAK_MEMORY_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_PEAK_MEMORY_H_

#include <cstdint>
#include <fstream>
#include <string>

#include "absl/functional/function_ref.h"

namespace numalocality {

// The most memory that `read` adds to that of this process. 0 with AddressSanitizer, which keeps
// freed memory for a while.
inline int64_t PeakBytesOf(absl::FunctionRef<void()> read) {
  const auto peak_kib = [] {
    std::ifstream status("/proc/self/status");
    std::string word;
    int64_t kib = 0;
    while (status >> word && word != "VmHWM:") continue;
    status >> kib;
    return kib;
  };
  std::ofstream("/proc/self/clear_refs") << "5";  // resets the peak
  const int64_t before = peak_kib();
  read();
#ifdef __SANITIZE_ADDRESS__
  return 0;
#endif
  return (peak_kib() - before) << 10;
}

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_PEAK_MEMORY_H_
