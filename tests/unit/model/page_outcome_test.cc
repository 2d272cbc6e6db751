#include "agent/model/page_outcome.h"

#include <gtest/gtest.h>

namespace numalocality::page_outcome_test {
namespace {

TEST(PageOutcomeTest, WhatIsNotOnTargetComesWithAdvice) {
  for (const PageOutcome outcome : AllValues<PageOutcome>()) {
    const bool is_there = outcome == PageOutcome::kMoved || outcome == PageOutcome::kAlreadyThere;
    EXPECT_EQ(AdviceOf(outcome).empty(), is_there) << KeyOf(outcome);
  }
}

TEST(OutcomeCountsTest, AddUp) {
  OutcomeCounts counts;
  for (int i = 0; i < kEnumCount<PageOutcome>; ++i) counts.Add(static_cast<PageOutcome>(i), i + 1);
  EXPECT_EQ(counts.Total(), kEnumCount<PageOutcome> * (kEnumCount<PageOutcome> + 1) / 2);
  EXPECT_EQ(counts.Wanted(), counts.Total() - counts[PageOutcome::kShared]);
  OutcomeCounts twice = counts;
  twice.Add(counts);
  EXPECT_EQ(twice.Total(), 2 * counts.Total());
}

}  // namespace
}  // namespace numalocality::page_outcome_test
