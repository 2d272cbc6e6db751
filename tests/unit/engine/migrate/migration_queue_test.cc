#include "agent/engine/migrate/migration_records.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace numalocality::migration_queue_test {
namespace {

using Entry = std::shared_ptr<MigrationEntry>;

class MigrationQueueTest : public ::testing::Test {
 protected:
  // Of a pod of its own, or of this one.
  Entry Add(const std::string& id, MigrationOrigin origin, const std::string& pod = "") {
    auto entry = std::make_shared<MigrationEntry>();
    entry->migration.id = id;
    Workload& workload = entry->migration.workloads.emplace_back().workload;
    workload.cgroup_path = "/" + id;
    if (!pod.empty()) workload.container.emplace().pod_uid = pod;
    entry->migration.request.origin = origin;
    queue_.Add(entry);
    return entry;
  }
  Entry AddOfSelfSocket(const std::string& id) {
    auto entry = NewOfSelfSocket(id, id);
    queue_.Add(entry);
    return entry;
  }
  static Entry NewOfSelfSocket(const std::string& id, const std::string& pod) {
    auto entry = std::make_shared<MigrationEntry>();
    entry->migration.id = id;
    entry->migration.workloads.emplace_back().workload.container.emplace().pod_uid = pod;
    entry->migration.request.created_by = "self:" + pod + "/" + id;
    return entry;
  }
  Entry AddRequest(const std::string& id) { return Add(id, MigrationOrigin::kApi); }
  Entry AddRepair(const std::string& id) { return Add(id, MigrationOrigin::kPolicy); }
  std::string Take() {
    const Entry entry = queue_.Take();
    return entry == nullptr ? "" : entry->migration.id;
  }

  MigrationQueue queue_;
};

TEST_F(MigrationQueueTest, RequestsGoBeforeRepairsEachInTheirOrder) {
  queue_.SetWorkers(4);
  AddRepair("repair 1");
  AddRequest("request 1");
  AddRepair("repair 2");
  AddRequest("request 2");
  for (const char* id : {"request 1", "request 2", "repair 1", "repair 2", ""}) {
    EXPECT_EQ(Take(), id);
  }
  EXPECT_EQ(queue_.running_count(), 4);
  EXPECT_EQ(queue_.waiting_count(), 0u);
}

TEST_F(MigrationQueueTest, OneWorkerIsKeptForRequests) {
  queue_.SetWorkers(3);
  const Entry first = AddRepair("repair 1");
  AddRepair("repair 2");
  AddRepair("repair 3");
  EXPECT_EQ(Take(), "repair 1");
  EXPECT_EQ(Take(), "repair 2");
  EXPECT_EQ(Take(), "") << "the third is kept";
  AddRequest("request");
  EXPECT_EQ(Take(), "request");
  queue_.Ended(*first);
  EXPECT_EQ(Take(), "repair 3");
}

TEST_F(MigrationQueueTest, RequestsOfTheSelfSocketWaitBehindOthersAndLeaveAWorker) {
  queue_.SetWorkers(2);
  AddOfSelfSocket("self 1");
  AddOfSelfSocket("self 2");
  AddRequest("request");
  EXPECT_EQ(Take(), "request");
  EXPECT_EQ(Take(), "self 1");
  EXPECT_EQ(Take(), "") << "a worker is kept";
  const Entry uri = Add("of a URI", MigrationOrigin::kApi);
  uri->migration.request.created_by = "self://not-the-self-socket";
  EXPECT_EQ(Take(), "of a URI");
}

TEST_F(MigrationQueueTest, APodHasOneMigrationFromTheSelfSocketAtATime) {
  MigrationRecords records;
  const Entry first = NewOfSelfSocket("first", "pod-a");
  const auto check = [&](const std::string& pod) {
    return records.CheckOnlyOneOfPod(NewOfSelfSocket("next", pod)->migration);
  };
  EXPECT_TRUE(check("pod-a").ok());
  records.Add(first);
  EXPECT_TRUE(absl::IsResourceExhausted(check("pod-a"))) << "another container of the pod";
  EXPECT_TRUE(check("pod-b").ok());
  first->migration.state = MigrationState::kSucceeded;
  EXPECT_TRUE(check("pod-a").ok());
}

TEST_F(MigrationQueueTest, AnOnlyWorkerDoesBoth) {
  queue_.SetWorkers(1);
  const Entry repair = AddRepair("repair");
  EXPECT_EQ(Take(), "repair");
  queue_.Ended(*repair);
  EXPECT_EQ(queue_.running_count(), 0);
  AddRequest("request");
  EXPECT_EQ(Take(), "request");
}

TEST_F(MigrationQueueTest, ARepairWhoseWorkerWasReplacedDoesNotCount) {
  queue_.SetWorkers(2);
  const Entry stalled = AddRepair("stalled");
  AddRepair("repair 1");
  AddRepair("repair 2");
  EXPECT_EQ(Take(), "stalled");
  EXPECT_EQ(Take(), "");
  queue_.Replaced(*stalled);
  EXPECT_EQ(Take(), "repair 1");
  EXPECT_EQ(Take(), "");
  queue_.Ended(*stalled);
  EXPECT_EQ(Take(), "") << "its place was given away already";
  EXPECT_EQ(queue_.running_count(), 1);
}

TEST_F(MigrationQueueTest, ThoseOfAPodWaitForItsStalledOnes) {
  queue_.SetWorkers(4);
  std::vector<Entry> stalled;
  for (const char* id : {"1", "2"}) stalled.push_back(Add(id, MigrationOrigin::kApi, "pod"));
  for (const Entry& entry : stalled) {
    EXPECT_EQ(Take(), entry->migration.id);
    queue_.Replaced(*entry);
  }
  const Entry third = Add("3", MigrationOrigin::kApi, "pod");
  AddRepair("of another pod");
  EXPECT_TRUE(absl::IsResourceExhausted(queue_.CheckStalled(*third)));
  EXPECT_EQ(Take(), "of another pod");
  EXPECT_EQ(Take(), "");
  third->migration.request.evacuation.emplace();
  EXPECT_TRUE(queue_.CheckStalled(*third).ok()) << "of all pods";
  third->migration.request.evacuation.reset();
  queue_.Ended(*stalled[0]);
  EXPECT_EQ(Take(), "3");
}

TEST_F(MigrationQueueTest, WhatIsRemovedIsNotRun) {
  AddRequest("a");
  const Entry b = AddRequest("b");
  AddRequest("c");
  queue_.Remove(*b);
  queue_.Remove(*b);
  EXPECT_EQ(queue_.waiting_count(), 2u);
  EXPECT_EQ(Take(), "a");
  EXPECT_EQ(Take(), "c");
}

}  // namespace
}  // namespace numalocality::migration_queue_test
