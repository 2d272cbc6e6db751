// Chooses the next page: a small generator without state that is worth a page (xorshift64*).
#ifndef TESTS_INTEGRITY_RANDOM_H_
#define TESTS_INTEGRITY_RANDOM_H_

#include <cstddef>
#include <cstdint>

namespace numalocality::integrity {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 | 1) {}

  // Uniform from 0 to `limit` - 1. REQUIRES: limit is 1 to 2^32.
  size_t Below(size_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return ((state_ * 0x2545f4914f6cdd1d) >> 32) * limit >> 32;
  }

 private:
  uint64_t state_;
};

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_RANDOM_H_
