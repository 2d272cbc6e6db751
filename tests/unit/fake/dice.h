// Random choices for property tests, repeatable from a seed, and memory made of them.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_DICE_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_DICE_H_

#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "tests/unit/fake/fake_process.h"

namespace numalocality {

class Dice {
 public:
  explicit Dice(uint64_t seed) : generator_(seed) {}

  // 0 to `count` - 1.
  int Below(int count) { return static_cast<int>(generator_() % static_cast<uint64_t>(count)); }
  // True with probability 1 / `count`.
  bool OneIn(int count) { return Below(count) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& values) {
    return values[static_cast<size_t>(Below(static_cast<int>(values.size())))];
  }

 private:
  std::mt19937_64 generator_;
};

// Seed of the first scenario of a property test; SEED in the environment repeats one that failed.
inline uint64_t FirstSeed() {
  const char* seed = std::getenv("SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}
// One scenario when SEED is given, else `count`.
inline int ScenarioCount(int count) { return std::getenv("SEED") == nullptr ? count : 1; }

// Gives `process` a few mappings from `start` on with up to about `count` base pages, in runs of
// pages on one of `nodes`; some of them pinned, shared, busy, swapped, missing or, if wanted, huge.
void FillAtRandom(FakeProcess& process, Dice& dice, uint64_t start, int count,
                  const std::vector<int>& nodes, bool with_huge_pages = true);

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_DICE_H_
