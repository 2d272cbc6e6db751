// What both commands draw on a terminal: progress bars and tables.
#include <gtest/gtest.h>

#include "agent/cli/progress.h"
#include "agent/cli/table.h"

namespace numalocality::terminal_output_test {
namespace {

constexpr int64_t kMiB = 1 << 20;

TEST(ProgressLineTest, ShowsHowFarAndHowFast) {
  EXPECT_EQ(ProgressLine("RUNNING", 64 * kMiB, 256 * kMiB, 32.0 * kMiB),
            "RUNNING    [#######.......................]  25%   64.0 MiB of 256.0 MiB   "
            "32.0 MiB/s");
}

TEST(ProgressLineTest, HasNoRateBeforeAnythingMoved) {
  EXPECT_EQ(ProgressLine("PENDING", 0, 0, 0),
            "PENDING    [..............................]   0%   0 B of 0 B");
}

// The process may have grown since it was planned.
TEST(ProgressLineTest, NeverPassesTheEnd) {
  EXPECT_EQ(ProgressLine("RUNNING", 300, 200, 0),
            "RUNNING    [##############################] 100%   300 B of 200 B");
}

TEST(TableTest, AlignsColumnsAndLeavesNoBlanksAtTheEnd) {
  Table table({{"NAME"}, {"BYTES", Table::Align::kRight}, {"NOTE"}});
  table.AddRow({"a", "1", "long note"});
  table.AddRow({"longer", "12345678", "x"});
  EXPECT_EQ(table.ToString(),
            "NAME        BYTES   NOTE\n"
            "a               1   long note\n"
            "longer   12345678   x\n");
}

TEST(TableTest, EmptyCellsAreDashesAndRowsCanBeIndented) {
  Table table({{"A"}, {"B", Table::Align::kRight}});
  table.AddRow({"", ""});
  EXPECT_EQ(table.ToString(2), "  A   B\n  -   -\n");
}

}  // namespace

}  // namespace numalocality::terminal_output_test
