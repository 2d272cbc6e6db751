// A clock that is cheap enough to be read between any two operations, in a guest too: there the
// system's clock is an emulated device, which takes microseconds and is one for all CPUs.
#ifndef TESTS_BENCH_TICKS_H_
#define TESTS_BENCH_TICKS_H_

#include <x86intrin.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace numalocality::bench {

// The CPU's time stamp counter: constant rate, equal on all CPUs, on whatever runs these
// benchmarks.
inline uint64_t Ticks() { return __rdtsc(); }

// Measured against the system's clock; takes 50 ms.
inline double MicrosecondsPerTick() {
  using std::chrono::steady_clock;
  const steady_clock::time_point start = steady_clock::now();
  const uint64_t ticks = Ticks();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::chrono::duration<double, std::micro> elapsed = steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(Ticks() - ticks);
}

}  // namespace numalocality::bench

#endif  // TESTS_BENCH_TICKS_H_
