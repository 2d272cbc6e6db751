// What each role may do, where.
#include "agent/model/access.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "agent/model/error_details.h"

namespace numalocality::access_test {
namespace {

constexpr char kMe[] = "spiffe://cluster/me";

Workload In(const std::string& pod_namespace) {
  Workload workload;
  workload.cgroup_path = "/" + pod_namespace;
  workload.names.pod_namespace = pod_namespace;
  return workload;
}

Access With(Role role, std::vector<std::string> namespaces) {
  return Access::Granted(
      kMe, {{"spiffe://cluster/other", Role::kAdmin, {}}, {kMe, role, std::move(namespaces)}});
}

WorkloadSelector ByName() {
  WorkloadSelector selector;
  selector.names = ContainerNames{"shop", "db-0", ""};
  return selector;
}

WorkloadSelector ByPid() {
  WorkloadSelector selector;
  selector.pid = 7;
  return selector;
}

WorkloadSelector ByPath() {
  WorkloadSelector selector;
  selector.cgroup_path = "/shop";
  return selector;
}

Migration Of(std::vector<Workload> workloads, const std::string& created_by) {
  Migration migration;
  migration.request.created_by = created_by;
  for (Workload& workload : workloads) migration.workloads.emplace_back().workload = workload;
  return migration;
}

TEST(AccessTest, ARoleIncludesThoseBeforeItInItsNamespaces) {
  for (const Role has : AllValues<Role>()) {
    for (const Role needed : AllValues<Role>()) {
      const bool is_enough = has >= needed;
      const Access in_some = With(has, {"shop", "bank"});
      EXPECT_EQ(in_some.Check(needed, "shop").ok(), is_enough);
      EXPECT_EQ(in_some.Check(needed, "bank").ok(), is_enough);
      EXPECT_FALSE(in_some.Check(needed, "shop2").ok());
      EXPECT_FALSE(in_some.Check(needed, "").ok()) << "of no namespace, or of an unknown one";
      const Access in_all = With(has, {});
      EXPECT_EQ(in_all.Check(needed, "shop").ok(), is_enough);
      EXPECT_EQ(in_all.Check(needed, "").ok(), is_enough);
    }
  }
}

TEST(AccessTest, GrantsAddUp) {
  const Access access =
      Access::Granted(kMe, {{kMe, Role::kViewer, {}}, {kMe, Role::kMigrator, {"shop"}}});
  EXPECT_TRUE(access.Check(Role::kViewer, "bank").ok());
  EXPECT_TRUE(access.Check(Role::kMigrator, "shop").ok());
  EXPECT_FALSE(access.Check(Role::kMigrator, "bank").ok());
}

TEST(AccessTest, WithoutAGrantNothingIsAllowed) {
  const Access access = Access::Granted("spiffe://cluster/m", {{kMe, Role::kAdmin, {}}});
  EXPECT_FALSE(access.CheckKnown().ok());
  EXPECT_FALSE(access.Check(Role::kViewer, "shop").ok());
  EXPECT_FALSE(access.CheckSee(Of({}, "")).ok());
  EXPECT_FALSE(access.CheckEvacuate().ok());
  EXPECT_TRUE(With(Role::kViewer, {"shop"}).CheckKnown().ok());
}

TEST(AccessTest, TheErrorNamesIdentityRoleAndNamespace) {
  const absl::Status refused = With(Role::kViewer, {"shop"}).Check(Role::kMigrator, "shop");
  EXPECT_TRUE(absl::IsPermissionDenied(refused));
  EXPECT_EQ(
      refused.message(),
      "client spiffe://cluster/me needs the role migrator in namespace shop for this; ask the "
      "operator to add it to api.clients in the agent's configuration");
  const auto details = DetailsOf(refused);
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(*details,
            (ErrorDetails{ErrorReason::kRoleMissing,
                          {{"identity", kMe}, {"role", "migrator"}, {"namespace", "shop"}}}));
}

TEST(AccessTest, NamesOfTheMachineNeedAdmin) {
  for (const Role has : AllValues<Role>()) {
    const Access access = With(has, {"shop"});
    EXPECT_TRUE(access.CheckNamed(Role::kViewer, ByName(), In("shop")).ok());
    for (const WorkloadSelector& selector : {ByPid(), ByPath()}) {
      EXPECT_EQ(access.CheckNamed(Role::kViewer, selector, In("shop")).ok(), has == Role::kAdmin);
      EXPECT_FALSE(access.CheckNamed(Role::kViewer, selector, In("bank")).ok());
    }
  }
}

TEST(AccessTest, AMigrationNeedsMigratorAndItsSpecialsAdmin) {
  const MigrationRequest plain;
  MigrationRequest overriding;
  overriding.override_protection = true;
  MigrationRequest forcing;
  forcing.force_stick = true;
  MigrationRequest ranged;
  ranged.spec.ranges = {{0x1000, 0x2000}};
  MigrationRequest of_all_sharers;
  of_all_sharers.spec.sharing = SharingRule::kAll;
  for (const Role has : AllValues<Role>()) {
    const Access access = With(has, {"shop"});
    EXPECT_EQ(access.CheckMigrate(plain, ByName(), In("shop")).ok(), has >= Role::kMigrator);
    EXPECT_FALSE(access.CheckMigrate(plain, ByName(), In("bank")).ok());
    EXPECT_EQ(access.CheckMigrate(plain, ByPid(), In("shop")).ok(), has == Role::kAdmin);
    EXPECT_EQ(access.CheckMigrate(overriding, ByName(), In("shop")).ok(), has == Role::kAdmin);
    EXPECT_EQ(access.CheckMigrate(forcing, ByName(), In("shop")).ok(), has == Role::kAdmin);
    EXPECT_EQ(access.CheckMigrate(ranged, ByName(), In("shop")).ok(), has == Role::kAdmin);
    EXPECT_FALSE(access.CheckMigrate(of_all_sharers, ByName(), In("shop")).ok());
    EXPECT_EQ(With(has, {}).CheckMigrate(of_all_sharers, ByName(), In("shop")).ok(),
              has == Role::kAdmin);
    EXPECT_EQ(With(has, {}).CheckEvacuate().ok(), has == Role::kAdmin);
    EXPECT_FALSE(access.CheckEvacuate().ok()) << "it moves the memory of all namespaces";
  }
}

TEST(AccessTest, ARecordIsSeenByWhoSeesAllItsWorkloads) {
  const Access access = With(Role::kViewer, {"shop", "bank"});
  EXPECT_TRUE(access.CheckSee(Of({In("shop"), In("bank")}, "")).ok());
  EXPECT_FALSE(access.CheckSee(Of({In("shop"), In("other")}, kMe)).ok());
  EXPECT_FALSE(access.CheckSee(Of({In("")}, kMe)).ok());
}

TEST(AccessTest, OthersMigrationsNeedAdminToCancel) {
  const Migration own = Of({In("shop")}, kMe);
  const Migration others = Of({In("shop")}, "spiffe://cluster/other");
  const Migration unknown = Of({In("shop")}, "");
  Migration repair = own;
  repair.request.origin = MigrationOrigin::kPolicy;
  for (const Role has : AllValues<Role>()) {
    const Access access = With(has, {"shop"});
    EXPECT_EQ(access.CheckCancel(own).ok(), has >= Role::kMigrator);
    EXPECT_EQ(access.CheckCancel(others).ok(), has == Role::kAdmin);
    EXPECT_EQ(access.CheckCancel(unknown).ok(), has == Role::kAdmin);
    EXPECT_EQ(access.CheckCancel(repair).ok(), has == Role::kAdmin);
    EXPECT_FALSE(With(has, {"bank"}).CheckCancel(own).ok()) << "the role is gone";
  }
}

TEST(AccessTest, FullAccessHasAllRights) {
  const Access access = Access::Full("uid:0");
  EXPECT_EQ(access.identity(), "uid:0");
  EXPECT_TRUE(access.Check(Role::kAdmin, "").ok());
  EXPECT_TRUE(access.CheckCancel(Of({In("shop")}, "another")).ok());
}

Workload ContainerAt(const std::string& path) {
  Workload workload;
  workload.cgroup_path = path;
  workload.cgroup_id = 7;
  workload.container = ContainerRef{"uid", "id", QosClass::kBurstable};
  workload.names.pod_namespace = "shop";
  return workload;
}

TEST(SelfAccessTest, IsForItsContainerAndItsProcesses) {
  const Workload own = ContainerAt("/pod/own");
  const Access access = Access::Self(own);
  EXPECT_TRUE(access.CheckKnown().ok());
  EXPECT_EQ(access.identity(), "self:uid/id");
  Workload process = own;
  process.cgroup_path += "/nested";
  process.cgroup_id = 0;
  process.process = ProcessId{5, 1};
  Workload recreated = own;
  recreated.cgroup_id = 8;
  Workload neighbour_process = process;
  neighbour_process.cgroup_path = "/pod/own2";
  for (const auto& [workload, is_own] : {std::pair(own, true),
                                         {process, true},
                                         {recreated, false},
                                         {neighbour_process, false},
                                         {ContainerAt("/pod"), false},
                                         {In("shop"), false}}) {
    EXPECT_EQ(access.CheckNamed(Role::kViewer, ByPid(), workload).ok(), is_own);
    EXPECT_EQ(access.CheckNamed(Role::kMigrator, ByName(), workload).ok(), is_own);
    EXPECT_FALSE(access.CheckNamed(Role::kAdmin, ByName(), workload).ok());
    EXPECT_EQ(access.CheckSee(Of({workload}, "")).ok(), is_own);
    EXPECT_FALSE(access.CheckSee(Of({own, In("shop")}, "")).ok());
    EXPECT_EQ(access.CheckCancel(Of({workload}, "self:uid/id")).ok(), is_own);
    EXPECT_FALSE(access.CheckCancel(Of({workload}, "other")).ok());
    EXPECT_EQ(access.CheckMigrate({}, ByName(), workload).ok(), is_own);
  }
  EXPECT_FALSE(access.CheckAll(Role::kViewer, {}).ok());
  EXPECT_FALSE(access.CheckEvacuate().ok());
  EXPECT_FALSE(access.Check(Role::kViewer, "shop").ok());
}

TEST(SelfAccessTest, MovesNothingThatOthersFeel) {
  const Workload own = ContainerAt("/pod/own");
  const Access access = Access::Self(own);
  MigrationRequest request;
  request.spec.ranges = {{0x1000, 0x2000}};
  request.spec.sharing = SharingRule::kOwned;
  EXPECT_TRUE(access.CheckMigrate(request, ByName(), own).ok());
  request.spec.sharing = SharingRule::kAll;
  EXPECT_FALSE(access.CheckMigrate(request, ByName(), own).ok());
  request.spec.sharing = SharingRule::kNever;
  request.stick = StickMode::kCpusetMems;
  EXPECT_FALSE(access.CheckMigrate(request, ByName(), own).ok());
  request.stick = StickMode::kNone;
  request.override_protection = true;
  EXPECT_FALSE(access.CheckMigrate(request, ByName(), own).ok());
}

}  // namespace
}  // namespace numalocality::access_test
