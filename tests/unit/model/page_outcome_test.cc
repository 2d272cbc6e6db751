#include "agent/model/page_outcome.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace numalocality::page_outcome_test {
namespace {

TEST(PageOutcomeTest, EachHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int i = 0; i < kPageOutcomeCount; ++i) {
    names.insert(std::string(PageOutcomeName(static_cast<PageOutcome>(i))));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kPageOutcomeCount));
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(PageOutcomeTest, WhatIsNotOnTargetComesWithAdvice) {
  for (int i = 0; i < kPageOutcomeCount; ++i) {
    const auto outcome = static_cast<PageOutcome>(i);
    const bool is_there = outcome == PageOutcome::kMoved || outcome == PageOutcome::kAlreadyThere;
    EXPECT_EQ(PageOutcomeAdvice(outcome).empty(), is_there) << PageOutcomeName(outcome);
  }
}

TEST(OutcomeCountsTest, AddUp) {
  OutcomeCounts counts;
  for (int i = 0; i < kPageOutcomeCount; ++i) counts.Add(static_cast<PageOutcome>(i), i + 1);
  EXPECT_EQ(counts.Total(), kPageOutcomeCount * (kPageOutcomeCount + 1) / 2);
  EXPECT_EQ(counts.Wanted(), counts.Total() - counts[PageOutcome::kShared]);
  OutcomeCounts twice = counts;
  twice.Add(counts);
  EXPECT_EQ(twice.Total(), 2 * counts.Total());
}

}  // namespace
}  // namespace numalocality::page_outcome_test
