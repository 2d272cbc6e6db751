// The content of the workload's memory: every 64-bit word says where it belongs, to whom, and how
// often its page was written, so that a wrong word shows what went wrong.
#ifndef TESTS_INTEGRITY_WORD_H_
#define TESTS_INTEGRITY_WORD_H_

#include <cstddef>
#include <cstdint>

namespace numalocality::integrity {

// Base pages of 4 KiB; a workload built for another page size would need only this changed.
inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kWordsPerPage = kPageBytes / sizeof(uint64_t);
inline constexpr size_t kWordsPerLine = 8;

// Widths of the packed fields. A version wraps after 2^18 rewrites of its page: a stale page is
// missed only if it is exactly that many rewrites old.
inline constexpr int kVersionBits = 18;
inline constexpr int kIndexBits = 30;  // words in one owner's slice: 8 GiB
inline constexpr int kOwnerBits = 16;
inline constexpr uint32_t kVersionMask = (1U << kVersionBits) - 1;
inline constexpr uint32_t kMaxOwner = (1U << kOwnerBits) - 1;
inline constexpr size_t kMaxSliceBytes = sizeof(uint64_t) << kIndexBits;

struct Word {
  uint32_t owner;    // 1 to kMaxOwner; never 0, so that no valid word is the zero word
  uint32_t index;    // of the word in its owner's slice: stands for the address
  uint32_t version;  // rewrites of the page so far, modulo 2^kVersionBits
};

// Encode and Decode are inverse bijections of 64 bits: a foreign word decodes to the place where it
// belongs, and a word that nobody wrote to an owner or index that does not exist. A multiplication
// carries each bit upwards only, so a fold of the high half is between the two.
inline constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
inline constexpr uint64_t kInverse = 0xf1de83e19937733d;
static_assert(kMultiplier * kInverse == 1);

constexpr uint64_t Encode(const Word& word) {
  uint64_t bits = uint64_t{word.owner} << (kIndexBits + kVersionBits) |
                  uint64_t{word.index} << kVersionBits | (word.version & kVersionMask);
  bits *= kMultiplier;
  bits ^= bits >> 32;
  return bits * kMultiplier;
}

constexpr Word Decode(uint64_t bits) {
  bits *= kInverse;
  bits ^= bits >> 32;
  bits *= kInverse;
  return {.owner = static_cast<uint32_t>(bits >> (kIndexBits + kVersionBits)),
          .index = static_cast<uint32_t>(bits >> kVersionBits) & ((1U << kIndexBits) - 1),
          .version = static_cast<uint32_t>(bits) & kVersionMask};
}

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_WORD_H_
