// Policies as the API shows them.
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "agent/rpc/convert/policies.h"
#include "tests/unit/fake/policy_fields.h"

namespace numalocality::agent_policies_test {
namespace {

using google::protobuf::util::MessageDifferencer;

v1::GetPoliciesResponse InApi(const LocalityPolicy& policy) {
  Configuration configuration;
  configuration.policies = {policy};
  v1::GetPoliciesResponse message;
  ToProto(configuration, message);
  return message;
}

TEST(AgentPoliciesTest, TheApiShowsEveryFieldOfAPolicy) {
  const v1::GetPoliciesResponse defaults = InApi(LocalityPolicy());
  for (const auto& [name, policy] : PoliciesWithOneChange()) {
    EXPECT_FALSE(MessageDifferencer::Equals(InApi(policy), defaults)) << name;
  }
}

TEST(AgentPoliciesTest, TheApiShowsTheRolesOfClients) {
  Configuration configuration;
  configuration.api.clients = {{"spiffe://cluster/shop", Role::kMigrator, {"shop"}}};
  v1::GetPoliciesResponse message;
  ToProto(configuration, message);
  ASSERT_EQ(message.api_clients_size(), 1);
  EXPECT_EQ(message.api_clients(0).identity(), "spiffe://cluster/shop");
  EXPECT_EQ(message.api_clients(0).role(), v1::API_ROLE_MIGRATOR);
  ASSERT_EQ(message.api_clients(0).namespaces_size(), 1);
  EXPECT_EQ(message.api_clients(0).namespaces(0), "shop");
}

}  // namespace
}  // namespace numalocality::agent_policies_test
