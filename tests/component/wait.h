// Waiting for what happens soon, on a machine that may be busy.
#ifndef NUMALOCALITY_TESTS_COMPONENT_WAIT_H_
#define NUMALOCALITY_TESTS_COMPONENT_WAIT_H_

#include <cstddef>
#include <filesystem>
#include <functional>
#include <iterator>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace numalocality {

// Asks until the condition holds, for at most a minute; returns whether it holds.
inline bool WaitUntil(const std::function<bool()>& condition) {
  const absl::Time end = absl::Now() + absl::Minutes(1);
  while (!condition()) {
    if (absl::Now() > end) return condition();
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

// Open file descriptors of this process, which the server under test is part of.
inline ptrdiff_t CountOpenFiles() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

// Threads of this process.
inline ptrdiff_t CountThreads() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return std::distance(begin(threads), end(threads));
}

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_WAIT_H_
