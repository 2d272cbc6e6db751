#include "agent/model/cross_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace numalocality::cross_check_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMiB = 1 << 20;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};

TEST(CounterLagTest, Is64PagesACpuAtEachReading) {
  EXPECT_EQ(CounterLagBytes(2, 4096), kMiB);
  EXPECT_EQ(CounterLagBytes(256, 4096), 128 * kMiB);
}

// What happened, in MiB; the counters are good to 1 MiB.
struct Comparison {
  std::string name;
  int64_t moved;   // from node 0, which had 100, to node 1, which had none
  int64_t after0;  // charged then
  int64_t after1;
  int64_t drifted;
  CrossCheckVerdict verdict;
  int64_t difference;
  int64_t tolerance;
};

void PrintTo(const Comparison& comparison, std::ostream* out) { *out << comparison.name; }

CrossCheck Compare(const Comparison& of) {
  return CompareWithCounters({{kNode0, {100 * kMiB, of.after0 * kMiB, -of.moved * kMiB}},
                              {kNode1, {0, of.after1 * kMiB, of.moved * kMiB}}},
                             kMiB, of.drifted * kMiB);
}

class ComparisonTest : public ::testing::TestWithParam<Comparison> {};

TEST_P(ComparisonTest, IsJudged) {
  const CrossCheck source = Compare(GetParam());
  EXPECT_EQ(source.verdict, GetParam().verdict);
  EXPECT_EQ(source.difference_bytes, GetParam().difference * kMiB);
  EXPECT_EQ(source.tolerance_bytes, GetParam().tolerance * kMiB);
  EXPECT_EQ(source.note.empty(), GetParam().verdict == CrossCheckVerdict::kAgrees);
  EXPECT_EQ(source.nodes.at(kNode1).after_bytes, GetParam().after1 * kMiB);
}

constexpr auto kAgrees = CrossCheckVerdict::kAgrees;
constexpr auto kDisagrees = CrossCheckVerdict::kDisagrees;
constexpr auto kTooCoarse = CrossCheckVerdict::kTooCoarse;

INSTANTIATE_TEST_SUITE_P(
    All, ComparisonTest,
    testing::Values(Comparison{"TheSame", 80, 20, 80, 0, kAgrees, 0, 1},
                    Comparison{"WithinTheLag", 80, 21, 79, 0, kAgrees, 1, 1},
                    Comparison{"BeyondTheLag", 80, 22, 78, 0, kDisagrees, 2, 1},
                    Comparison{"NothingArrived", 80, 100, 0, 0, kDisagrees, 80, 1},
                    Comparison{"MoreThanWasMoved", 40, 20, 80, 0, kDisagrees, 40, 1},
                    Comparison{"TheWorkloadGrew", 80, 30, 80, 0, kAgrees, 10, 11},
                    Comparison{"TheWorkloadShrank", 80, 20, 70, 0, kAgrees, 10, 11},
                    Comparison{"ItGrewAndTheRestDiffers", 80, 60, 50, 0, kDisagrees, 40, 11},
                    Comparison{"DriftedRightAway", 80, 50, 50, 30, kAgrees, 30, 31},
                    Comparison{"LessThanTheLagMoved", 1, 99, 1, 0, kTooCoarse, 0, 1},
                    Comparison{"NothingMoved", 0, 100, 0, 0, kTooCoarse, 0, 1},
                    Comparison{"NothingMovedButCountersSaySo", 0, 20, 80, 0, kDisagrees, 80, 1},
                    Comparison{"ItShrankByAllThatWasMoved", 50, 0, 50, 0, kTooCoarse, 50, 51}),
    [](const testing::TestParamInfo<Comparison>& param) { return param.param.name; });

TEST(CompareWithCountersTest, ADisagreementSaysByHowMuchAndWhatItMayMean) {
  const CrossCheck source = Compare({"", 80, 70, 30, 0, {}, 0, 0});
  EXPECT_THAT(source.note,
              AllOf(HasSubstr("says -30.0 MiB on node 0, the migration counted -80.0 MiB: a "
                              "difference of 50.0 MiB, more than the tolerance of 1.0 MiB"),
                    HasSubstr("freed"), HasSubstr("balancing"), HasSubstr("another cgroup")));
}

TEST(CompareWithCountersTest, WithoutNodesNothingCanBeSaid) {
  const CrossCheck source = CompareWithCounters({}, kMiB, 0);
  EXPECT_EQ(source.verdict, kTooCoarse);
  EXPECT_THAT(source.nodes, IsEmpty());
}

}  // namespace
}  // namespace numalocality::cross_check_test
