#include "tests/integrity/control.h"

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "tests/integrity/random.h"

namespace numalocality::integrity {
namespace {

using PageWords = std::array<uint64_t, kWordsPerPage>;

constexpr size_t kHalf = kWordsPerPage / 2;

// Copies held while waiting for a write to one of their pages: with this many the wait is short,
// also when the memory is large and the machine emulated.
constexpr size_t kCopies = 64;

struct Copy {
  size_t page;
  uint32_t version;
  PageWords words;
};

std::vector<Copy> CopySomePages(Memory& memory, Random& random) {
  std::vector<Copy> copies(kCopies);
  for (Copy& copy : copies) {
    copy.page = random.Below(memory.page_count());
    copy.version = memory.version(copy.page);
    memory.Read(copy.page, 0, copy.words);
  }
  return copies;
}

// A copy whose page its owner has rewritten since, or nothing.
std::optional<Copy> AwaitOutdated(Memory& memory, const std::vector<Copy>& copies,
                                  const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    for (const Copy& copy : copies) {
      if (memory.version(copy.page) != copy.version) return copy;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

void MoveBadly(Control control, Memory& memory, Random& random, const std::stop_token& stop) {
  std::optional<Copy> copy = AwaitOutdated(memory, CopySomePages(memory, random), stop);
  if (!copy) return;
  if (control == Control::kTorn) {
    memory.Read(copy->page, kHalf, std::span(copy->words).subspan(kHalf));
  }
  memory.Write(copy->page, 0, copy->words);
}

void Misplace(Memory& memory, Random& random) {
  PageWords words;
  memory.Read(random.Below(memory.page_count()), 0, words);
  memory.Write(random.Below(memory.page_count()), 0, words);
}

void FlipBit(Memory& memory, Random& random) {
  const size_t page = random.Below(memory.page_count());
  const size_t index = random.Below(kWordsPerPage);
  std::array<uint64_t, 1> word;
  memory.Read(page, index, word);
  word[0] ^= uint64_t{1} << random.Below(64);
  memory.Write(page, index, word);
}

}  // namespace

void RunControl(Control control, Memory& memory, const std::stop_token& stop) {
  Random random(static_cast<uint64_t>(control) + 1);
  while (!stop.stop_requested()) {
    switch (control) {
      case Control::kTorn:
      case Control::kStale: MoveBadly(control, memory, random, stop); break;
      case Control::kMisplaced: Misplace(memory, random); break;
      case Control::kZeroed: memory.Write(random.Below(memory.page_count()), 0, PageWords{}); break;
      case Control::kCorrupt: FlipBit(memory, random); break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace numalocality::integrity
