#ifndef NUMALOCALITY_TESTS_UNIT_CLI_PARSE_H_
#define NUMALOCALITY_TESTS_UNIT_CLI_PARSE_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace numalocality {

// Parses a message in protobuf's text format; a test failure if that is invalid.
template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_CLI_PARSE_H_
