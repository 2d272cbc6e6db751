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

}  // namespace
}  // namespace numalocality::agent_policies_test
