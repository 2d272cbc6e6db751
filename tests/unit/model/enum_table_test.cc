#include "agent/model/enum_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
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

// Every enum with a table; what the API calls it, and whether its first value is the API's
// UNSPECIFIED.
struct ApiEnum {
  const char* name;
  bool first_is_unspecified = false;
};
template <typename E>
constexpr ApiEnum kApiEnum = {nullptr};
template <>
constexpr ApiEnum kApiEnum<CrossCheckVerdict> = {"CrossCheckVerdict", true};
template <>
constexpr ApiEnum kApiEnum<HoldMode> = {"HoldMode"};
template <>
constexpr ApiEnum kApiEnum<MemoryKind> = {"MemoryKind"};
template <>
constexpr ApiEnum kApiEnum<MigrationOrigin> = {"MigrationOrigin"};
template <>
constexpr ApiEnum kApiEnum<MigrationReason> = {"MigrationReason", true};
template <>
constexpr ApiEnum kApiEnum<MigrationState> = {"MigrationState"};
template <>
constexpr ApiEnum kApiEnum<PageOutcome> = {"PageOutcome"};
template <>
constexpr ApiEnum kApiEnum<PlacementView> = {"PlacementView"};
template <>
constexpr ApiEnum kApiEnum<QosClass> = {"QosClass"};
template <>
constexpr ApiEnum kApiEnum<RemoteReason> = {"RemoteReason"};
template <>
constexpr ApiEnum kApiEnum<RepairReason> = {"RepairReason"};
template <>
constexpr ApiEnum kApiEnum<RepairVerdict> = {"RepairVerdict"};
template <>
constexpr ApiEnum kApiEnum<ScanMethod> = {"ScanMethod"};
template <>
constexpr ApiEnum kApiEnum<SeccompMode> = {"SeccompMode"};
template <>
constexpr ApiEnum kApiEnum<Severity> = {"FindingSeverity"};
template <>
constexpr ApiEnum kApiEnum<SharingRule> = {"SharingRule"};
template <>
constexpr ApiEnum kApiEnum<StickMode> = {"StickMode"};

using EnumsOfTheApi = ::testing::Types<CrossCheckVerdict, HoldMode, MemoryKind, MigrationOrigin,
                                       MigrationReason, MigrationState, PageOutcome, PlacementView,
                                       QosClass, RemoteReason, RepairReason, RepairVerdict,
                                       ScanMethod, SeccompMode, Severity, SharingRule, StickMode>;

// The values of an enum in proto/, by name. The text is read, so that this needs no protobuf.
std::map<std::string, int> ValuesInApi(const std::string& name) {
  std::map<std::string, int> values;
  for (const char* file : {"agent", "migration", "placement", "workload"}) {
    std::ifstream proto(absl::StrCat(FIXTURES, "/../../proto/numalocality/v1/", file, ".proto"));
    EXPECT_TRUE(proto.is_open()) << file;
    bool is_inside = false;
    for (std::string line; std::getline(proto, line);) {
      if (line == absl::StrCat("enum ", name, " {")) is_inside = true;
      if (line == "}") is_inside = false;
      const std::vector<absl::string_view> parts = absl::StrSplit(line, " = ");
      int number = 0;
      if (is_inside && parts.size() == 2 &&
          absl::SimpleAtoi(absl::StripSuffix(parts[1], ";"), &number)) {
        values[std::string(absl::StripLeadingAsciiWhitespace(parts[0]))] = number;
      }
    }
  }
  return values;
}

// "PAGE_OUTCOME_" of "PageOutcome".
std::string PrefixOf(absl::string_view name) {
  std::string prefix;
  for (const char c : name) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(static_cast<unsigned char>(c));
  }
  return prefix + "_";
}

template <typename E>
class ApiEnumTest : public ::testing::Test {};
TYPED_TEST_SUITE(ApiEnumTest, EnumsOfTheApi);

TYPED_TEST(ApiEnumTest, HasTheNamesOfTheTable) {
  const ApiEnum api = kApiEnum<TypeParam>;
  const std::string prefix = PrefixOf(api.name);
  std::map<std::string, int> expected = {{prefix + "UNSPECIFIED", 0}};
  for (const TypeParam value : AllValues<TypeParam>()) {
    const int number = static_cast<int>(value) + (api.first_is_unspecified ? 0 : 1);
    if (number != 0) expected[prefix + ApiNameOf(value)] = number;
  }
  EXPECT_EQ(ValuesInApi(api.name), expected);
}

TYPED_TEST(ApiEnumTest, KeysAndWordsLeadBackToTheirValues) {
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
