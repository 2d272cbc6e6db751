#include "agent/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/base/log_fields.h"

namespace numalocality::log_test {
namespace {

TEST(LogSafeTest, EscapesWhatCouldForgeALine) {
  EXPECT_EQ(LogSafe("plain text, /a/b_c.slice"), "plain text, /a/b_c.slice");
  EXPECT_EQ(LogSafe("a\nb"), "a\\u000ab");
  EXPECT_EQ(LogSafe("\x1b[31m"), "\\u001b[31m");
  EXPECT_EQ(LogSafe("\"\\"), "\\\"\\\\");
  EXPECT_EQ(LogSafe("\xff\x7f"), "\\u00ff\\u007f");
  EXPECT_EQ(LogSafe(absl::string_view("\0", 1)), "\\u0000");
  EXPECT_EQ(LogSafe(""), "");
}

// The whole line of an event; the time has a fixed length.
std::string LineOf(LogFormat format, absl::string_view message) {
  InitLog(format);
  ::testing::internal::CaptureStderr();
  LogInfo(message);
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogTest, AnEventIsOneLineWhateverItContains) {
  constexpr char kHostile[] = "cgroup /a\nb\x1b[2J\xff \"machine-qemu\\x2d1\"";
  EXPECT_THAT(
      LineOf(LogFormat::kText, kHostile),
      ::testing::EndsWith("info cgroup /a\\u000ab\\u001b[2J\\u00ff \"machine-qemu\\x2d1\"\n"));
  EXPECT_THAT(
      LineOf(LogFormat::kJson, kHostile),
      ::testing::EndsWith(R"("message":"cgroup /a\u000ab\u001b[2J\u00ff \"machine-qemu\\x2d1\""})"
                          "\n"));
}

TEST(LogTest, FieldsOfAnEventAreMembersInJson) {
  const LogFields fields =
      LogFields().Word("result", "OK").Text("by", "uid:0").Text("why", "").Text("on", "a \"b\"\n");
  const auto line = [&](LogFormat format) {
    InitLog(format);
    ::testing::internal::CaptureStderr();
    LogWarning("audit", fields);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(
      line(LogFormat::kText),
      ::testing::EndsWith(" warning audit result=OK by=\"uid:0\" on=\"a \\\"b\\\"\\u000a\"\n"));
  EXPECT_THAT(
      line(LogFormat::kJson),
      ::testing::AllOf(
          ::testing::StartsWith("{\"time\":\""),
          ::testing::EndsWith(
              R"("level":"warning","message":"audit","result":"OK","by":"uid:0","on":"a \"b\"\u000a"})"
              "\n")));
}

}  // namespace
}  // namespace numalocality::log_test
