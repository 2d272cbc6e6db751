#include "tests/integrity/page_check.h"

namespace numalocality::integrity {
namespace {

bool OfThisPlace(const Word& word, const Expected& expected, size_t offset) {
  return word.owner == expected.owner && word.index == expected.first_index + offset;
}

// Versions are compared modulo 2^kVersionBits, as the words hold them.
bool OfExpectedVersion(const Word& word, const Expected& expected) {
  const uint32_t age = (expected.newest - word.version) & kVersionMask;
  return age <= ((expected.newest - expected.oldest) & kVersionMask);
}

bool WrittenByAnyone(const Word& word, const Extent& extent) {
  return word.owner >= 1 && word.owner <= extent.owners && word.index < extent.slice_words;
}

// The most informative of all words decides: one zero or foreign word explains more than the
// versions around it.
Fault Classify(std::span<const uint64_t> words, const Expected& expected, const Extent& extent) {
  bool foreign = false;
  bool mixed = false;
  const uint32_t first_version = Decode(words.front()).version;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == 0) return Fault::kZeroed;
    const Word word = Decode(words[i]);
    if (!OfThisPlace(word, expected, i)) {
      if (!WrittenByAnyone(word, extent)) return Fault::kCorrupt;
      foreign = true;
    }
    mixed = mixed || word.version != first_version;
  }
  if (foreign) return Fault::kMisplaced;
  return mixed ? Fault::kTorn : Fault::kStale;
}

}  // namespace

std::optional<Finding> CheckWords(std::span<const uint64_t> words, const Expected& expected,
                                  const Extent& extent) {
  for (size_t i = 0; i < words.size(); ++i) {
    const Word word = Decode(words[i]);
    if (!OfThisPlace(word, expected, i) || !OfExpectedVersion(word, expected)) {
      return Finding{.fault = Classify(words, expected, extent),
                     .index = expected.first_index + static_cast<uint32_t>(i),
                     .found = words[i]};
    }
  }
  return std::nullopt;
}

}  // namespace numalocality::integrity
