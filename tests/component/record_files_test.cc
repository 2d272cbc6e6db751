// Records of migrations across restarts of the agent.
#include "agent/rpc/record_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/engine/workload/workload_finder.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::record_files_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kCgroup[] = "/system.slice/db.service";

class RecordFilesTest : public ::testing::Test {
 protected:
  RecordFilesTest() {
    machine_.Publish(*machine_.AddProcess(10, "4-7"));
    machine_.AddCgroup(kCgroup, {10});
    machine_.WriteCgroupFile(kCgroup, "memory.numa_stat",
                             "anon N0=40960 N1=81920\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
  }

  // The agent starts, and may start again.
  RecordFiles& Start() {
    auto files = RecordFiles::Open(directory_.Path("records"), machine_.context());
    EXPECT_TRUE(files.ok()) << files.status();
    files_ = *std::move(files);
    return *files_;
  }

  Migration Record(const std::string& id, MigrationState state,
                   const WorkloadSelector& selector = {{}, {}, kCgroup, {}}) {
    Migration migration;
    migration.id = id;
    migration.state = state;
    migration.create_time = machine_.clock().Now();
    machine_.clock().Advance(absl::Seconds(1));
    WorkloadMigration& result = migration.workloads.emplace_back();
    result.workload = WorkloadFinder(machine_.host()).Find(selector).value().front();
    result.state = state;
    if (state != MigrationState::kPending) {
      migration.start_time = migration.create_time;
      result.outcomes.Add(PageOutcome::kMoved, 20);
      result.before.Add(NodeId{0}, MemoryKind::kAnon, 122880);
    }
    if (IsFinal(state)) migration.end_time = machine_.clock().Now();
    return migration;
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.Path("records"))) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  FakeMachine machine_;
  TempTree directory_;
  std::unique_ptr<RecordFiles> files_;
};

TEST_F(RecordFilesTest, OutliveTheAgent) {
  Migration migration = Record("a-1", MigrationState::kSucceeded);
  migration.request.request_id = "mine";
  Start().OnMigration(migration);
  EXPECT_EQ(files_->Find("a-1"), nullptr) << "this agent's own are the Migrator's";
  Start();
  ASSERT_NE(files_->Find("a-1"), nullptr);
  EXPECT_EQ(files_->Find("a-1")->state(), v1::MIGRATION_STATE_SUCCEEDED);
  EXPECT_EQ(files_->Find("a-1")->reason(), v1::MIGRATION_REASON_UNSPECIFIED);
  EXPECT_EQ(files_->FindRequest("mine"), files_->Find("a-1"));
  EXPECT_EQ(files_->FindRequest("other"), nullptr);
  EXPECT_EQ(files_->Find("a-2"), nullptr);
}

TEST_F(RecordFilesTest, WhatRanWhenTheAgentWasKilledIsInterruptedAndMeasured) {
  for (const MigrationState state : {MigrationState::kRunning, MigrationState::kVerifying}) {
    Migration migration = Record("a-1", state);
    migration.workloads[0].verifications.resize(state == MigrationState::kVerifying ? 1 : 0);
    for (Verification& verification : migration.workloads[0].verifications) {
      verification.memory.Add(NodeId{1}, MemoryKind::kAnon, 1);
    }
    Start().OnMigration(migration);
    for (int restart = 0; restart < 2; ++restart) {
      Start();
      ASSERT_NE(files_->Find("a-1"), nullptr);
      const v1::Migration& record = *files_->Find("a-1");
      EXPECT_EQ(record.state(), v1::MIGRATION_STATE_PARTIAL);
      EXPECT_EQ(record.reason(), v1::MIGRATION_REASON_INTERRUPTED);
      EXPECT_TRUE(record.has_end_time());
      const v1::WorkloadMigration& result = record.workloads(0);
      EXPECT_EQ(result.state(), v1::MIGRATION_STATE_PARTIAL);
      EXPECT_EQ(result.reason(), v1::MIGRATION_REASON_INTERRUPTED);
      ASSERT_EQ(result.after_size(), 2);
      EXPECT_EQ(result.after(0).anon_bytes(), 40960);
      EXPECT_EQ(result.after(1).anon_bytes(), 81920);
      EXPECT_THAT(result.message(), HasSubstr("the agent ended in the middle"));
    }
  }
}

TEST_F(RecordFilesTest, WhatWaitedWhenTheAgentWasKilledHasMovedNothing) {
  Start().OnMigration(Record("a-1", MigrationState::kPending));
  const v1::Migration record = *Start().Find("a-1");
  EXPECT_EQ(record.state(), v1::MIGRATION_STATE_FAILED);
  EXPECT_EQ(record.reason(), v1::MIGRATION_REASON_INTERRUPTED);
  EXPECT_EQ(record.workloads(0).after_size(), 2);
}

TEST_F(RecordFilesTest, WhatTheAgentEndedItselfIsMeasuredToo) {
  Migration migration = Record("a-1", MigrationState::kCancelled);
  migration.reason = MigrationReason::kInterrupted;
  migration.workloads[0].reason = MigrationReason::kInterrupted;
  Start().OnMigration(migration);
  const v1::Migration record = *Start().Find("a-1");
  EXPECT_EQ(record.state(), v1::MIGRATION_STATE_CANCELLED);
  EXPECT_EQ(record.workloads(0).after_size(), 2);
}

TEST_F(RecordFilesTest, AWorkloadThatHadEndedKeepsItsResult) {
  Migration migration = Record("a-1", MigrationState::kRunning);
  WorkloadMigration done = migration.workloads[0];
  done.state = MigrationState::kFailed;
  done.reason = MigrationReason::kNoRoom;
  done.message = "full";
  migration.workloads.insert(migration.workloads.begin(), done);
  Start().OnMigration(migration);
  const v1::Migration record = *Start().Find("a-1");
  EXPECT_EQ(record.reason(), v1::MIGRATION_REASON_INTERRUPTED);
  EXPECT_EQ(record.workloads(0).reason(), v1::MIGRATION_REASON_NO_ROOM);
  EXPECT_EQ(record.workloads(0).message(), "full");
  EXPECT_EQ(record.workloads(1).reason(), v1::MIGRATION_REASON_INTERRUPTED);
}

TEST_F(RecordFilesTest, AWorkloadThatIsGoneIsNotMeasured) {
  Start().OnMigration(Record("a-1", MigrationState::kRunning));
  machine_.RecreateCgroup(kCgroup, {10});
  for (int restart = 0; restart < 2; ++restart) {
    const v1::WorkloadMigration result = Start().Find("a-1")->workloads(0);
    EXPECT_THAT(result.after(), IsEmpty());
    EXPECT_THAT(result.message(), ::testing::EndsWith("came back; the workload is gone"));
  }
}

TEST_F(RecordFilesTest, OneProcessIsMeasuredByItsPages) {
  const auto process = machine_.AddProcess(11, "4-7");
  process->AddPages(0x10000000, 30, 0);
  process->AddPages(0x20000000, 50, 1);
  machine_.Publish(*process);
  Start().OnMigration(Record("a-1", MigrationState::kRunning, {{}, {}, {}, 11}));
  const v1::WorkloadMigration result = Start().Find("a-1")->workloads(0);
  ASSERT_EQ(result.after_size(), 2) << result.message();
  EXPECT_EQ(result.after(0).anon_bytes(), 30 * static_cast<int64_t>(kFakePage));
  EXPECT_EQ(result.after(1).anon_bytes(), 50 * static_cast<int64_t>(kFakePage));
  EXPECT_THAT(result.message(), ::testing::EndsWith("a sample of its pages when it came back"));
}

TEST_F(RecordFilesTest, AStrangerWithThePidIsNotMeasured) {
  machine_.Publish(*machine_.AddProcess(11, "4-7"));
  Start().OnMigration(Record("a-1", MigrationState::kRunning, {{}, {}, {}, 11}));
  const auto stranger = machine_.Replace(11);
  stranger->AddPages(0x10000000, 30, 0);
  machine_.Publish(*stranger);
  const v1::WorkloadMigration result = Start().Find("a-1")->workloads(0);
  EXPECT_THAT(result.after(), IsEmpty());
  EXPECT_THAT(result.message(), ::testing::EndsWith("came back; the workload is gone"));
}

TEST_F(RecordFilesTest, WhatIsNoRecordIsRemoved) {
  Start().OnMigration(Record("a-1", MigrationState::kSucceeded));
  directory_.Write("records/a-2.pb", "\xff\xff nonsense");
  directory_.Write("records/a-3.pb", "");
  directory_.Write("records/a-4.pb.new", "half a reco");
  directory_.Write("records/notes.txt", "");
  std::filesystem::copy(directory_.Path("records/a-1.pb"), directory_.Path("records/a-5.pb"));
  Start();
  EXPECT_THAT(Files(), ElementsAre("a-1.pb"));
  EXPECT_THAT(files_->earlier(), SizeIs(1));
}

TEST_F(RecordFilesTest, TheOldestGoFirst) {
  Start();
  constexpr int kMore = 5;
  const int most = static_cast<int>(RecordFiles::kMost);
  for (int i = 0; i < most + kMore; ++i) {
    const std::string id = absl::StrCat("a-", i);
    files_->OnMigration(Record(id, MigrationState::kRunning));
    files_->OnMigration(Record(id, MigrationState::kSucceeded));
  }
  EXPECT_THAT(Files(), SizeIs(most));
  Start();
  EXPECT_THAT(files_->earlier(), SizeIs(most));
  EXPECT_EQ(files_->earlier().front().id(), absl::StrCat("a-", kMore));
  files_->OnMigration(Record("b-1", MigrationState::kSucceeded));
  EXPECT_THAT(Files(), SizeIs(most));
  EXPECT_FALSE(directory_.Exists(absl::StrCat("records/a-", kMore, ".pb")));
}

TEST_F(RecordFilesTest, TheRepairLoopLearnsFromThem) {
  Migration migration = Record("a-1", MigrationState::kRunning);
  migration.request.origin = MigrationOrigin::kPolicy;
  migration.request.policy = "keep";
  migration.estimate.emplace().local_before = 0.25;
  migration.estimate->bytes = 77;
  migration.workloads[0].target_nodes = {NodeId{1}};
  migration.workloads[0].outcomes.Add(PageOutcome::kPinned, 3);
  Start().OnMigration(migration);
  const std::vector<Migration> ends = Start().EarlierEnds();
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].request.policy, "keep");
  EXPECT_EQ(ends[0].request.origin, MigrationOrigin::kPolicy);
  EXPECT_EQ(ends[0].estimate->local_before, 0.25);
  EXPECT_EQ(ends[0].estimate->bytes, 77);
  EXPECT_EQ(ends[0].end_time, machine_.clock().Now());
  const WorkloadMigration& result = ends[0].workloads[0];
  EXPECT_EQ(result.workload.cgroup_path, kCgroup);
  EXPECT_EQ(result.workload.cgroup_id, migration.workloads[0].workload.cgroup_id);
  EXPECT_EQ(result.target_nodes, NodeSet{NodeId{1}});
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 3);
  EXPECT_EQ(result.state, MigrationState::kPartial);
  EXPECT_EQ(result.reason, MigrationReason::kInterrupted);
}

TEST_F(RecordFilesTest, AnEvacuationIsRememberedAsOne) {
  Migration migration = Record("a-1", MigrationState::kSucceeded);
  migration.request.evacuation.emplace();
  migration.request.evacuation->node = NodeId{1};
  migration.request.evacuation->keep_clear = absl::Minutes(7);
  Start().OnMigration(migration);
  Start().OnMigration(Record("a-2", MigrationState::kSucceeded));
  const std::vector<Migration> ends = Start().EarlierEnds();
  ASSERT_THAT(ends, SizeIs(2));
  ASSERT_TRUE(ends[0].request.evacuation.has_value());
  EXPECT_EQ(ends[0].request.evacuation->node, NodeId{1});
  EXPECT_EQ(ends[0].request.evacuation->keep_clear, absl::Minutes(7));
  EXPECT_FALSE(ends[1].request.evacuation.has_value());
}

TEST_F(RecordFilesTest, NeedsADirectory) {
  directory_.Write("records", "a file");
  const auto files = RecordFiles::Open(directory_.Path("records"), machine_.context());
  EXPECT_FALSE(files.ok());
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("records"));
}

}  // namespace
}  // namespace numalocality::record_files_test
