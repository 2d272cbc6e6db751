#include "agent/model/filter.h"

#include <gtest/gtest.h>

namespace numalocality {
namespace {

Workload Named(const std::string& pod_namespace, const std::string& pod) {
  Workload workload;
  workload.names = {pod_namespace, pod, "main"};
  return workload;
}

TEST(WorkloadFilterTest, AllConditionsMustHold) {
  EXPECT_TRUE(WorkloadFilter().Matches(Workload())) << "a workload outside Kubernetes";
  const WorkloadFilter namespaces{{"shop", "bank"}, ""};
  EXPECT_TRUE(namespaces.Matches(Named("bank", "db")));
  EXPECT_FALSE(namespaces.Matches(Named("other", "db")));
  EXPECT_FALSE(namespaces.Matches(Workload()));
  const WorkloadFilter both{{"shop"}, "db"};
  EXPECT_TRUE(both.Matches(Named("shop", "db")));
  EXPECT_FALSE(both.Matches(Named("shop", "web")));
  EXPECT_FALSE(both.Matches(Named("bank", "db")));
}

TEST(MigrationFilterTest, OneOfItsWorkloadsMustMatch) {
  Migration migration;
  EXPECT_TRUE(MigrationFilter().Matches(migration)) << "an evacuation of an empty node";
  migration.workloads.resize(2);
  migration.workloads[1].workload = Named("shop", "db");
  EXPECT_TRUE((MigrationFilter{{{"shop"}, ""}, {}}).Matches(migration));
  EXPECT_FALSE((MigrationFilter{{{"bank"}, ""}, {}}).Matches(migration));
}

TEST(MigrationFilterTest, SinceLeavesOutWhatHadEnded) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  MigrationFilter filter;
  filter.since = now;
  Migration migration;
  migration.state = MigrationState::kRunning;
  EXPECT_TRUE(filter.Matches(migration));
  migration.state = MigrationState::kSucceeded;
  migration.end_time = now;
  EXPECT_TRUE(filter.Matches(migration));
  migration.end_time = now - absl::Seconds(1);
  EXPECT_FALSE(filter.Matches(migration));
  filter.since = absl::InfinitePast();
  filter.states = {MigrationState::kFailed};
  EXPECT_FALSE(filter.Matches(migration));
}

}  // namespace
}  // namespace numalocality
