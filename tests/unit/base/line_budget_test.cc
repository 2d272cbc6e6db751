#include "agent/base/line_budget.h"

#include <gtest/gtest.h>

namespace numalocality {
namespace {

TEST(LineBudgetTest, IsTwentyAMinuteAndCountsTheRest) {
  LineBudget budget;
  const absl::Duration start;
  int written = 0;
  for (int i = 0; i < 50; ++i) {
    if (budget.Spend(start + absl::Seconds(i)).has_value()) ++written;
  }
  EXPECT_EQ(written, 20);
  EXPECT_EQ(budget.Spend(start + absl::Seconds(60)), 30);
  EXPECT_EQ(budget.Spend(start + absl::Seconds(61)), 0);
  EXPECT_EQ(LinesLeftOut(30), " (30 lines before it were left out)");
  EXPECT_EQ(LinesLeftOut(0), "");
}

}  // namespace
}  // namespace numalocality
