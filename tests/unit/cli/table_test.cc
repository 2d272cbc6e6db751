#include "agent/cli/table.h"

#include <gtest/gtest.h>

namespace numalocality::table_test {
namespace {

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
}  // namespace numalocality::table_test
