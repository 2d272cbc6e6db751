#include "agent/base/log.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace numalocality::log_test
