#include "agent/model/enum_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "agent/model/configuration.h"
#include "agent/model/explanation.h"
#include "agent/model/finding.h"
#include "agent/model/migration.h"
#include "agent/model/privileges.h"
#include "agent/model/repair.h"

namespace numalocality::enum_table_test {

// In a named namespace: lookup by argument does not search unnamed ones.
enum class Color { kRed, kDarkGreen, kHidden };

constexpr EnumTable<Color> kColors = {{
    {Color::kRed, "red", "red", ""},
    {Color::kDarkGreen, "dark_green", "dark green", "look closer"},
    {Color::kHidden, "", "", ""},
}};

inline const EnumTable<Color>& TableOf(Color) { return kColors; }

namespace {

using ::testing::ElementsAre;

TEST(EnumTableTest, LooksValuesUp) {
  EXPECT_EQ(kEnumCount<Color>, 3);
  EXPECT_EQ(KeyOf(Color::kDarkGreen), "dark_green");
  EXPECT_EQ(WordsOf(Color::kDarkGreen), "dark green");
  EXPECT_EQ(AdviceOf(Color::kDarkGreen), "look closer");
  EXPECT_EQ(ApiNameOf(Color::kDarkGreen), "DARK_GREEN");
  EXPECT_EQ(FromKey<Color>("dark_green"), Color::kDarkGreen);
  EXPECT_EQ(FromWords<Color>("dark green"), Color::kDarkGreen);
  EXPECT_EQ(FromKey<Color>("dark green"), std::nullopt);
  EXPECT_EQ(FromWords<Color>("dark_green"), std::nullopt);
}

TEST(EnumTableTest, AValueWithoutAKeyIsNeverFound) {
  EXPECT_THAT(AllValues<Color>(), ElementsAre(Color::kRed, Color::kDarkGreen));
  EXPECT_EQ(FromKey<Color>(""), std::nullopt);
  EXPECT_EQ(FromWords<Color>(""), std::nullopt);
}

// The tables' static_asserts ask this.
TEST(EnumTableTest, ATableThatBreaksARuleIsNotWellFormed) {
  EXPECT_TRUE(IsWellFormed(kColors));
  const auto broken = [](size_t row, const EnumRow<Color>& with) {
    EnumTable<Color> table = kColors;
    table[row] = with;
    return !IsWellFormed(table);
  };
  EXPECT_TRUE(broken(1, {})) << "a missing row";
  EXPECT_TRUE(broken(1, {Color::kHidden, "dark_green", "dark green", ""})) << "another's place";
  EXPECT_TRUE(broken(1, {Color::kDarkGreen, "dark green", "dark green", ""}));
  EXPECT_TRUE(broken(1, {Color::kDarkGreen, "darkGreen", "dark green", ""}));
  EXPECT_TRUE(broken(1, {Color::kDarkGreen, "_green", "dark green", ""}));
  EXPECT_TRUE(broken(1, {Color::kDarkGreen, "dark_green", "", ""})) << "no words";
  EXPECT_TRUE(broken(1, {Color::kDarkGreen, "red", "dark green", ""})) << "another's key";
  EXPECT_TRUE(broken(1, {Color::kDarkGreen, "dark_green", "red", ""})) << "another's words";
  EXPECT_TRUE(broken(1, {Color::kDarkGreen, "dark_green", "dark green", "Look closer."}));
  EXPECT_TRUE(broken(0, {Color::kRed, "", "", ""})) << "a hidden value before a shown one";
  EXPECT_TRUE(broken(2, {Color::kHidden, "", "hidden", ""})) << "words without a key";
}

template <typename E>
class EnumTablesTypedTest : public ::testing::Test {};

// Every enum with a table. tests/component/api_enum_test.cc compares them with the API's.
using EnumsWithTables =
    ::testing::Types<CrossCheckVerdict, HoldMode, MemoryKind, MigrationOrigin, MigrationReason,
                     MigrationState, PageOutcome, PlacementView, PolicyAction, QosClass,
                     RemoteReason, RepairReason, RepairVerdict, ScanMethod, SeccompMode, Severity,
                     SharingRule, StickMode>;
TYPED_TEST_SUITE(EnumTablesTypedTest, EnumsWithTables);

TYPED_TEST(EnumTablesTypedTest, KeysAndWordsLeadBackToTheirValues) {
  for (const TypeParam value : AllValues<TypeParam>()) {
    EXPECT_EQ(FromKey<TypeParam>(KeyOf(value)), value) << KeyOf(value);
    EXPECT_EQ(FromWords<TypeParam>(WordsOf(value)), value) << WordsOf(value);
  }
}

// What the configuration file, flags and the documentation call them.
TEST(EnumTablesTest, WordsThatPeopleWrite) {
  EXPECT_EQ(WordsOf(PolicyAction::kObserve), "observe");
  EXPECT_EQ(WordsOf(StickMode::kCpusetMems), "cpuset-mems");
  EXPECT_EQ(WordsOf(QosClass::kBestEffort), "BestEffort");
}

TEST(EnumTablesTest, EveryRemoteReasonHasAdvice) {
  for (const RemoteReason reason : AllValues<RemoteReason>()) {
    EXPECT_NE(AdviceOf(reason), "") << KeyOf(reason);
  }
}

}  // namespace
}  // namespace numalocality::enum_table_test
