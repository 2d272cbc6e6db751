#include "agent/cli/localityctl/json_to_yaml.h"

#include <gtest/gtest.h>

namespace numalocality::localityctl::json_to_yaml_test {
namespace {

TEST(JsonToYamlTest, NestsObjectsAndArrays) {
  EXPECT_EQ(
      JsonToYaml(R"({"a":1,"b":{"c":"x","d":[]},"e":[{"f":true,"g":[1,2]},{"h":{}}],"i":{}})"),
      "a: 1\n"
      "b:\n"
      "  c: \"x\"\n"
      "  d: []\n"
      "e:\n"
      "  - f: true\n"
      "    g:\n"
      "      - 1\n"
      "      - 2\n"
      "  - h: {}\n"
      "i: {}\n");
}

TEST(JsonToYamlTest, KeepsStringsAsTheyAreWritten) {
  EXPECT_EQ(JsonToYaml(R"({"a":"say \"{,}[]:\" \\","b":"yes"})"),
            "a: \"say \\\"{,}[]:\\\" \\\\\"\nb: \"yes\"\n");
}

TEST(JsonToYamlTest, PrintsValuesThatAreNoObjects) {
  EXPECT_EQ(JsonToYaml("{}"), "{}\n");
  EXPECT_EQ(JsonToYaml("12"), "12\n");
  EXPECT_EQ(JsonToYaml("[1,null]"), "- 1\n- null\n");
  EXPECT_EQ(JsonToYaml("[[1],{\"a\":[2]}]"), "-\n  - 1\n- a:\n    - 2\n");
}

}  // namespace
}  // namespace numalocality::localityctl::json_to_yaml_test
