#include "agent/os/base/read_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/fake/fake_clock.h"

namespace numalocality::read_budget_test {
namespace {

using ::testing::HasSubstr;

TEST(ReadBudgetTest, APartTakesFromTheWhole) {
  const FakeClock clock;
  ReadBudget whole({100, absl::Seconds(10)}, clock);
  ReadBudget first({60, absl::Seconds(10)}, whole);
  EXPECT_TRUE(first.Take("a", 60).ok());
  EXPECT_THAT(std::string(first.Take("a", 1).message()), HasSubstr("more than 60 B"));
  ReadBudget second({60, absl::Seconds(10)}, whole);
  EXPECT_TRUE(second.Take("b", 30).ok());
  EXPECT_THAT(std::string(second.Take("b", 20).message()), HasSubstr("more than 100 B"));
}

TEST(ReadBudgetTest, APartEndsWhenTheWholeIsCancelledOrTakesTooLong) {
  const FakeClock clock;
  bool is_cancelled = false;
  ReadBudget whole({100, absl::Seconds(10)}, clock, [&] { return is_cancelled; });
  clock.Advance(absl::Seconds(9));
  ReadBudget part({100, absl::Seconds(5)}, whole);
  EXPECT_TRUE(part.Take("a", 1).ok());
  is_cancelled = true;
  EXPECT_TRUE(absl::IsCancelled(part.Take("a", 1)));
  clock.Advance(absl::Seconds(2));
  EXPECT_TRUE(absl::IsResourceExhausted(part.Take("a", 1)));
}

TEST(ReadBudgetTest, OtherWorkDoesNotCount) {
  const FakeClock clock;
  ReadBudget budget({100, absl::Seconds(10)}, clock);
  clock.Advance(absl::Minutes(1));
  budget.Exclude(absl::Minutes(1));
  clock.Advance(absl::Seconds(9));
  EXPECT_TRUE(budget.Take("a", 1).ok());
  clock.Advance(absl::Seconds(2));
  EXPECT_TRUE(absl::IsResourceExhausted(budget.Take("a", 1)));
}

}  // namespace
}  // namespace numalocality::read_budget_test
