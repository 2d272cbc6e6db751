#include "agent/model/id_set.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace numalocality::id_set_test {
namespace {

NodeSet Nodes(const std::string& list) { return NodeSet::Parse(list).value(); }

TEST(ParseIdListTest, ReadsTheKernelsFormat) {
  EXPECT_EQ(*ParseIdList(""), (std::set<int>{}));
  EXPECT_EQ(*ParseIdList("\n"), (std::set<int>{}));
  EXPECT_EQ(*ParseIdList("0"), (std::set<int>{0}));
  EXPECT_EQ(*ParseIdList("0-3,8\n"), (std::set<int>{0, 1, 2, 3, 8}));
  EXPECT_EQ(*ParseIdList("0,2"), (std::set<int>{0, 2}));
  EXPECT_EQ(*ParseIdList("5-5"), (std::set<int>{5}));
  EXPECT_EQ(*ParseIdList("1,0-1"), (std::set<int>{0, 1}));
  EXPECT_EQ(*ParseIdList("65535"), (std::set<int>{65535}));
}

TEST(ParseIdListTest, RefusesTheRest) {
  for (const char* text :
       {",", "0,", ",0", "3-1", "-1", "0-", "-", "a", "0-b", "0--1", "0 1", "0 , 1", "0-1-2",
        "65536", "0-4294967296", "99999999999999999999", "+1", "0x1"}) {
    EXPECT_EQ(ParseIdList(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(FormatIdListTest, WritesRuns) {
  EXPECT_EQ(FormatIdList({}), "");
  EXPECT_EQ(FormatIdList({0, 1, 2, 3, 8}), "0-3,8");
  EXPECT_EQ(FormatIdList({0, 2, 4}), "0,2,4");
  EXPECT_EQ(FormatIdList({7, 8}), "7-8");
  EXPECT_EQ(*ParseIdList(FormatIdList({1, 2, 3, 100, 4000})), (std::set<int>{1, 2, 3, 100, 4000}));
}

TEST(IdSetTest, HasTheAlgebraOfSets) {
  EXPECT_EQ(Nodes("0-1") | Nodes("1-2"), Nodes("0-2"));
  EXPECT_EQ(Nodes("0-1") & Nodes("1-2"), Nodes("1"));
  EXPECT_EQ(Nodes("0-1") - Nodes("1-2"), Nodes("0"));
  EXPECT_TRUE(Nodes("0-3").ContainsAll(Nodes("0,3")));
  EXPECT_FALSE(Nodes("0-3").ContainsAll(Nodes("3-4")));
  EXPECT_TRUE(Nodes("").ContainsAll(Nodes("")));
  EXPECT_EQ(Nodes("0-3,8").ToString(), "0-3,8");
  EXPECT_EQ(Nodes("").ToString(), "none");
}

}  // namespace
}  // namespace numalocality::id_set_test
