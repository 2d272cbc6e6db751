#include "agent/cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace numalocality::arguments_test {
namespace {

using ::testing::HasSubstr;

TEST(ParseAddressRangeTest, ReadsHexadecimalWithAndWithoutPrefix) {
  EXPECT_EQ(*ParseAddressRange("7f00-7FFF"), (AddressRange{0x7f00, 0x7fff}));
  EXPECT_EQ(*ParseAddressRange("0x1000-0x2000"), (AddressRange{0x1000, 0x2000}));
}

TEST(ParseAddressRangeTest, RefusesWhatIsNoRange) {
  for (const char* text : {"", "-", "1000", "1000-", "-2000", "1000-xyz", "2000-1000", "1000-1000",
                           " 1000-2000", "1-2-3", "10000000000000000-10000000000000001"}) {
    EXPECT_EQ(ParseAddressRange(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParsePidTest, TakesWholeNumbersAboveZero) {
  EXPECT_EQ(*ParsePid("4321"), 4321);
  for (const char* text : {"", "0", "-1", "12a", "99999999999"}) {
    EXPECT_FALSE(ParsePid(text).ok()) << text;
  }
}

TEST(ParseNodesTest, TakesListsButNotNothing) {
  EXPECT_EQ(*ParseNodes("0,2-3"), (NodeSet{{0}, {2}, {3}}));
  EXPECT_EQ(*ParseNode("7"), NodeId{7});
  EXPECT_FALSE(ParseNodes("").ok());
  EXPECT_FALSE(ParseNode("0-1").ok());
  EXPECT_FALSE(ParseNode("-1").ok());
}

TEST(ParseFractionTest, IsFromZeroToOne) {
  EXPECT_EQ(*ParseFraction("0.95"), 0.95);
  for (const char* text : {"", "1.1", "-0.1", "nan", "90%"}) {
    EXPECT_FALSE(ParseFraction(text).ok()) << text;
  }
}

TEST(ParseTimeSpanTest, NeedsAUnitAndAnEnd) {
  EXPECT_EQ(*ParseTimeSpan("1m30s"), absl::Seconds(90));
  for (const char* text : {"", "90", "0s", "-1s", "inf"}) {
    EXPECT_FALSE(ParseTimeSpan(text).ok()) << text;
  }
}

TEST(ParseCommandLineTest, ErrorsSayWhereHelpIs) {
  CLI::App app("", "tool");
  CLI::App* part = app.add_subcommand("part");
  pid_t pid = 0;
  AddParsedOption(*part, "--pid", ParsePid, pid, "");
  const char* argv[] = {"tool", "part", "--pid", "0"};
  testing::internal::CaptureStderr();
  EXPECT_EQ(ParseCommandLine(app, 4, argv), kExitError);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "ERROR: --pid: '0' is not a PID; write a whole number above 0; see tool part --help\n");
}

TEST(ParseCommandLineTest, HelpIsNoError) {
  CLI::App app("What it does.", "tool");
  const char* argv[] = {"tool", "--help"};
  testing::internal::CaptureStdout();
  EXPECT_EQ(ParseCommandLine(app, 2, argv), kExitSuccess);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("What it does."));
}

}  // namespace
}  // namespace numalocality::arguments_test
