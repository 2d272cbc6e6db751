#include "agent/base/units.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>

namespace numalocality::units_test {
namespace {

TEST(ParseBytesTest, ReadsWhatPeopleWrite) {
  const std::pair<const char*, int64_t> cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"1K", 1024},
      {"1k", 1024},
      {"512M", int64_t{512} << 20},
      {"1Gi", int64_t{1} << 30},
      {"64KiB", 64 << 10},
      {"2TiB", int64_t{2} << 40},
      {"8388607T", int64_t{8388607} << 40},
      {"9223372036854775807", std::numeric_limits<int64_t>::max()},
  };
  for (const auto& [text, bytes] : cases) {
    const auto parsed = ParseBytes(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status();
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(ParseBytesTest, RefusesTheRest) {
  for (const char* text :
       {"", " ", "M", "-1", "+1", "1.5G", "1B", "1KB", "1 K", " 1", "1KiBs", "1Kib", "1X", "0x10",
        "9223372036854775808", "8388608T", "99999999999999999999", "1i", "1iB"}) {
    const auto parsed = ParseBytes(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(parsed.status().message().find(text), absl::string_view::npos) << text;
  }
}

TEST(ExactBytesTest, IsShortAndReadBack) {
  const std::pair<int64_t, const char*> cases[] = {
      {0, "0"},
      {1023, "1023"},
      {64 << 20, "64Mi"},
      {1025 << 10, "1025Ki"},
      {(1 << 20) + 1, "1048577"},
      {int64_t{1} << 50, "1024Ti"},
      {std::numeric_limits<int64_t>::max(), "9223372036854775807"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(ExactBytes(bytes), text);
    EXPECT_EQ(*ParseBytes(text), bytes);
  }
}

TEST(FormatBytesChangeTest, HasASign) {
  EXPECT_EQ(FormatBytesChange(4096), "+4.0 KiB");
  EXPECT_EQ(FormatBytesChange(-(int64_t{256} << 20)), "-256.0 MiB");
  EXPECT_EQ(FormatBytesChange(0), "0 B");
}

TEST(FormatBytesTest, PicksTheUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(4096), "4.0 KiB");
  EXPECT_EQ(FormatBytes(int64_t{256} << 20), "256.0 MiB");
  EXPECT_EQ(FormatBytes((int64_t{1} << 30) * 3 / 2), "1.5 GiB");
  EXPECT_EQ(FormatBytes(-4096), "-4.0 KiB");
  EXPECT_EQ(FormatBytes(std::numeric_limits<int64_t>::max()), "8.0 EiB");
}

}  // namespace
}  // namespace numalocality::units_test
