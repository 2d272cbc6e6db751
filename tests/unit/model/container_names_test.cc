#include "agent/model/container_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace numalocality::container_names_test {
namespace {

using ::testing::HasSubstr;

TEST(ParseResourceNameTest, ReadsPodsAndContainers) {
  EXPECT_EQ(ParseResourceName("namespaces/shop/pods/db-0").value(),
            (ContainerNames{"shop", "db-0", ""}));
  EXPECT_EQ(ParseResourceName("namespaces/shop/pods/db-0/containers/mysql").value(),
            (ContainerNames{"shop", "db-0", "mysql"}));
}

TEST(ParseResourceNameTest, RefusesAllElse) {
  for (const char* text :
       {"", "/", "shop/db-0", "namespaces/shop", "namespaces/shop/pods", "namespaces/shop/pods/",
        "namespaces//pods/db-0", "/namespaces/shop/pods/db-0", "namespaces/shop/pods/db-0/",
        "namespaces/shop/pods/db-0/containers", "namespaces/shop/pods/db-0/containers/",
        "namespaces/shop/pods/db-0/container/mysql", "pods/db-0/namespaces/shop",
        "namespaces/shop/pods/db-0/containers/mysql/x", "Namespaces/shop/pods/db-0"}) {
    const auto names = ParseResourceName(text);
    EXPECT_TRUE(absl::IsInvalidArgument(names.status())) << text;
    EXPECT_THAT(std::string(names.status().message()), HasSubstr("namespaces/NAMESPACE/pods/POD"));
  }
}

}  // namespace
}  // namespace numalocality::container_names_test
