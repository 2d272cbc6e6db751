// Many durations in little memory: the longest one exactly, quantiles within an eighth.
#ifndef TESTS_BENCH_DURATIONS_H_
#define TESTS_BENCH_DURATIONS_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace numalocality::bench {

class Durations {
 public:
  void Add(uint64_t ticks) {
    ++counts_[Bucket(ticks)];
    ++count_;
    sum_ += ticks;
    longest_ = std::max(longest_, ticks);
  }

  void Add(const Durations& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    longest_ = std::max(longest_, other.longest_);
  }

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t longest() const { return longest_; }

  // At least `fraction` of the durations are no longer than this; 0 if there are none.
  uint64_t Quantile(double fraction) const {
    const auto wanted = static_cast<uint64_t>(fraction * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > 0 && seen >= wanted) return std::min(longest_, UpperBound(i));
    }
    return longest_;
  }

 private:
  // Values below 8 have a bucket each, those above eight buckets an octave.
  static constexpr int kBits = 3;
  static constexpr uint64_t kParts = 1 << kBits;

  static size_t Bucket(uint64_t ticks) {
    if (ticks < kParts) return ticks;
    const int shift = std::bit_width(ticks) - 1 - kBits;
    return kParts * static_cast<size_t>(shift) + (ticks >> shift);
  }

  // The largest value in a bucket.
  static uint64_t UpperBound(size_t bucket) {
    if (bucket < kParts) return bucket;
    const size_t shift = bucket / kParts - 1;
    return ((kParts + bucket % kParts + 1) << shift) - 1;
  }

  std::array<uint64_t, kParts*(64 - kBits + 1)> counts_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t longest_ = 0;
};

}  // namespace numalocality::bench

#endif  // TESTS_BENCH_DURATIONS_H_
