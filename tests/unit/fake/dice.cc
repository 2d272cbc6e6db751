#include "tests/unit/fake/dice.h"

#include <algorithm>

namespace numalocality {
namespace {

void AddFlags(FakeFolio& folio, Dice& dice, int one_in) {
  if (dice.OneIn(one_in)) folio.pinned = true;
  if (dice.OneIn(one_in)) folio.shared = true;
  if (dice.OneIn(one_in)) folio.busy_attempts = 1 + dice.Below(6);
  if (folio.pages > 1) return;
  if (dice.OneIn(one_in)) folio.swapped = true;
  if (dice.OneIn(one_in)) folio.zero_page = true;
}

}  // namespace

void FillAtRandom(FakeProcess& process, Dice& dice, uint64_t start, int count,
                  const std::vector<int>& nodes, bool with_huge_pages) {
  // From memory with many obstacles to memory with few.
  const int one_in = dice.Of<int>({2, 5, 20, 1000});
  for (int filled = 0; filled < count;) {
    if (with_huge_pages && dice.OneIn(4)) {
      start = (start + kFakeHuge - 1) / kFakeHuge * kFakeHuge;
      process.AddHugePages(start, 1, dice.Of(nodes));
      AddFlags(process.At(start), dice, one_in);
      start += kFakeHuge;
      filled += kFakeHugePages;
      continue;
    }
    const int run = 1 + dice.Below(std::min(count, dice.Of<int>({3, 40, 700})));
    process.AddPages(start, run, dice.Of(nodes));
    for (int i = 0; i < run; ++i) {
      const uint64_t address = start + static_cast<uint64_t>(i) * kFakePage;
      AddFlags(process.At(address), dice, one_in);
      if (dice.OneIn(one_in)) process.pages.erase(address);
    }
    start += static_cast<uint64_t>(run + dice.Below(3)) * kFakePage;
    filled += run;
  }
}

}  // namespace numalocality
