// Migration records as files, across restarts of the agent and versions of the format.
#include "agent/rpc/record_files.h"

#include <gmock/gmock.h>
#include <google/protobuf/reflection.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/model/repair_history.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/convert/migration_record.h"
#include "agent/rpc/convert/migration_request.h"
#include "agent/rpc/format_version.h"
#include "numalocality/records/v1/migrations.pb.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::record_files_test {
namespace {

namespace pb2 = ::google::protobuf;
namespace stored = ::numalocality::records::v1;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Sets every field of a message, by reflection, so that a new field is set here, too: one value in
// each repeated field, the last one of a oneof and of an enum, different numbers everywhere.
class Filler {
 public:
  void Fill(pb2::Message& message) {
    const pb2::Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) Set(message, *type.field(i));
  }

 private:
  void Set(pb2::Message& message, const pb2::FieldDescriptor& field) {
    const pb2::Reflection& fields = *message.GetReflection();
    ++number_;
    switch (field.cpp_type()) {
      case pb2::FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(field.is_repeated() ? *fields.AddMessage(&message, &field)
                                        : *fields.MutableMessage(&message, &field));
      case pb2::FieldDescriptor::CPPTYPE_ENUM: {
        const pb2::EnumDescriptor& type = *field.enum_type();
        const int value = type.value(type.value_count() - 1)->number();
        return field.is_repeated() ? fields.AddEnumValue(&message, &field, value)
                                   : fields.SetEnumValue(&message, &field, value);
      }
      case pb2::FieldDescriptor::CPPTYPE_STRING: {
        const std::string value = absl::StrCat("text ", number_);
        return field.is_repeated() ? fields.AddString(&message, &field, value)
                                   : fields.SetString(&message, &field, value);
      }
      case pb2::FieldDescriptor::CPPTYPE_INT32:
        return field.is_repeated() ? fields.AddInt32(&message, &field, number_)
                                   : fields.SetInt32(&message, &field, number_);
      case pb2::FieldDescriptor::CPPTYPE_INT64:
        return field.is_repeated() ? fields.AddInt64(&message, &field, number_)
                                   : fields.SetInt64(&message, &field, number_);
      case pb2::FieldDescriptor::CPPTYPE_UINT64:
        return field.is_repeated() ? fields.AddUInt64(&message, &field, uint64_t(number_))
                                   : fields.SetUInt64(&message, &field, uint64_t(number_));
      case pb2::FieldDescriptor::CPPTYPE_DOUBLE: return fields.SetDouble(&message, &field, number_);
      case pb2::FieldDescriptor::CPPTYPE_BOOL: return fields.SetBool(&message, &field, true);
      default: FAIL() << field.full_name() << ": of a type that this test does not know";
    }
  }

  int number_ = 0;
};

// Adds the names of all fields that are set in `message` and below it.
void AddSetFields(const pb2::Message& message, std::set<std::string>& names) {
  std::vector<const pb2::FieldDescriptor*> fields;
  const pb2::Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const pb2::FieldDescriptor* const field : fields) {
    names.insert(field->full_name());
    if (field->cpp_type() != pb2::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      AddSetFields(reflection.GetMessage(message, field), names);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      AddSetFields(reflection.GetRepeatedMessage(message, field, i), names);
    }
  }
}

// Adds the names of all fields of `type` and of the types below it.
void AddFields(const pb2::Descriptor& type, std::set<std::string>& names) {
  for (int i = 0; i < type.field_count(); ++i) {
    const pb2::FieldDescriptor& field = *type.field(i);
    const bool is_new = names.insert(field.full_name()).second;
    if (is_new && field.message_type() != nullptr) AddFields(*field.message_type(), names);
  }
}

// Every selector of a workload, each of which needs a value of its own.
void AddSelectors(v1::CreateMigrationRequest& request) {
  request.clear_workloads();
  request.add_workloads()->mutable_pod()->set_uid("01234567-cccc-dddd-eeee-ffff00001111");
  request.mutable_workloads(0)->mutable_pod()->set_container_id(std::string(64, 'a'));
  request.add_workloads()->set_container_id("bbbbbbbb");
  request.add_workloads()->set_cgroup_path("/system.slice");
  request.add_workloads()->set_pid(17);
  request.add_workloads()->set_resource_name("namespaces/prod/pods/db-0/containers/mysql");
  request.add_workloads()->set_resource_name("namespaces/prod/pods/db-0");
}

// A stored record with every field set, as an agent could have written it.
stored::Migration Full() {
  stored::Migration file;
  Filler().Fill(file);
  file.set_format_version(kFormatVersion);
  v1::Migration& migration = *file.mutable_migration();
  migration.set_id("a-1");
  v1::CreateMigrationRequest& request = *migration.mutable_request();
  AddSelectors(request);
  request.set_request_id("mine");
  migration.set_request_id("mine");
  migration.set_evacuated_node_id(request.evacuation().node_id());
  *migration.mutable_keep_clear() = request.evacuation().keep_clear();
  // Not part of a record: see ToProto.
  request.clear_reservation_tokens();
  request.clear_validate_only();
  request.clear_mode();
  // In the place of these.
  request.clear_node_map();
  v1::WorkloadMigration& result = *migration.mutable_workloads(0);
  result.clear_drift_causes();  // derived
  result.mutable_workload()->set_cgroup_path("/a\\u00ff");
  result.mutable_workload()->set_cgroup_path_bytes("/a\xff");
  for (int i = v1::PAGE_OUTCOME_MOVED; i < v1::PAGE_OUTCOME_NOT_ATTEMPTED; ++i) {
    result.add_outcomes()->set_page_count(100 + i);
  }
  int64_t examined = 0;
  for (int i = 0; i < result.outcomes_size(); ++i) {
    v1::OutcomeCount& count = *result.mutable_outcomes(i);
    count.set_outcome(static_cast<v1::PageOutcome>(i + 1));
    count.set_advice(std::string(AdviceOf(static_cast<PageOutcome>(i))));
    examined += count.page_count();
  }
  result.set_examined_page_count(examined);
  result.clear_move_call_buckets();
  file.mutable_workloads(0)->clear_hold_counts();
  int64_t calls = 0;
  for (size_t i = 0; i <= CallTimes::kBounds.size(); ++i) {
    const auto count = static_cast<int64_t>(50 + i);
    v1::CallTimeBucket& bucket = *result.add_move_call_buckets();
    if (i < CallTimes::kBounds.size()) {
      *bucket.mutable_upper_bound() = ToProto(CallTimes::kBounds[i]);
    }
    bucket.set_call_count(count);
    file.mutable_workloads(0)->add_hold_counts(count);
    calls += count;
  }
  result.set_move_call_count(calls);
  result.set_hold_count(calls);
  return file;
}

std::string Difference(const pb2::Message& one, const pb2::Message& other) {
  std::string text;
  pb2::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&text);
  return differencer.Compare(one, other) ? "" : text;
}

class RecordFilesTest : public ::testing::Test {
 protected:
  static Migration Record(const std::string& id) {
    Migration migration;
    migration.id = id;
    migration.state = MigrationState::kSucceeded;
    migration.create_time = absl::FromUnixSeconds(1000);
    migration.start_time = absl::FromUnixSeconds(1001);
    migration.end_time = absl::FromUnixSeconds(1002);
    migration.workloads.emplace_back().workload.cgroup_path = "/pod";
    migration.workloads[0].state = migration.state;
    return migration;
  }

  std::vector<Migration> Load() {
    auto migrations = files_.Load();
    EXPECT_TRUE(migrations.ok()) << migrations.status();
    return *std::move(migrations);
  }
  Migration SaveAndLoad(const Migration& migration) {
    Load();  // makes the directory
    EXPECT_TRUE(files_.Save(migration).ok());
    const std::vector<Migration> migrations = Load();
    EXPECT_THAT(migrations, SizeIs(1));
    return migrations.empty() ? Migration() : migrations[0];
  }
  // What is in the file "a-1.pb".
  stored::Migration Read() const {
    std::ifstream file(directory_.Path("records/a-1.pb"));
    stored::Migration message;
    EXPECT_TRUE(message.ParseFromIstream(&file));
    return message;
  }
  stored::Migration WriteLoadAndSave(const stored::Migration& file) {
    directory_.Write("records/a-1.pb", file.SerializeAsString());
    const std::vector<Migration> migrations = Load();
    EXPECT_THAT(migrations, SizeIs(1));
    for (const Migration& migration : migrations) {
      EXPECT_TRUE(migration.is_request_known);
      EXPECT_TRUE(files_.Save(migration).ok());
    }
    return Read();
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.Path("records"))) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  TempTree directory_;
  RecordFiles files_{directory_.Path("records")};
};

TEST_F(RecordFilesTest, EveryFieldOutlivesTheAgent) {
  const stored::Migration with_targets = Full();
  EXPECT_EQ(Difference(with_targets, WriteLoadAndSave(with_targets)), "");
  stored::Migration with_map = with_targets;
  v1::CreateMigrationRequest& request = *with_map.mutable_migration()->mutable_request();
  request.clear_target_node_ids();
  request.clear_source_node_ids();
  request.add_node_map()->set_source_node_id(1);
  request.mutable_node_map(0)->set_target_node_id(2);
  // Only the API gives a path that is not ASCII as it is.
  with_map.mutable_migration()->set_origin(v1::MIGRATION_ORIGIN_API);
  request.add_workloads()->set_cgroup_path("/syst\xc3\xa4m.slice");
  EXPECT_EQ(Difference(with_map, WriteLoadAndSave(with_map)), "");

  // This test covers every field except the known exceptions.
  std::set<std::string> all;
  AddFields(*stored::Migration::descriptor(), all);
  std::set<std::string> set;
  AddSetFields(with_targets, set);
  AddSetFields(with_map, set);
  std::vector<std::string> missing;
  std::set_difference(all.begin(), all.end(), set.begin(), set.end(), std::back_inserter(missing));
  const std::string v1 = "numalocality.v1.";
  EXPECT_THAT(missing, UnorderedElementsAre(v1 + "CreateMigrationRequest.mode",
                                            v1 + "CreateMigrationRequest.reservation_tokens",
                                            v1 + "CreateMigrationRequest.validate_only",
                                            v1 + "DriftCause.cause", v1 + "DriftCause.code",
                                            v1 + "DriftCause.remedy",
                                            v1 + "WorkloadMigration.drift_causes"));
}

TEST_F(RecordFilesTest, DriftIsExplainedAfterARestartAsBefore) {
  Migration migration = Record("a-1");
  migration.workloads[0].drift_facts = DriftFacts{true, {NodeId{1}}, {NodeId{2}}, {"numa_maps"}};
  v1::Migration before;
  ToProto(migration, before);
  EXPECT_GE(before.workloads(0).drift_causes_size(), 2);
  v1::Migration after;
  ToProto(SaveAndLoad(migration), after);
  EXPECT_EQ(Difference(before, after), "");
  EXPECT_THAT(Read().migration().workloads(0).drift_causes(), IsEmpty());
}

TEST_F(RecordFilesTest, DefaultsOfARequestAreLeftOut) {
  v1::CreateMigrationRequest asked;
  asked.add_workloads()->set_pid(10);
  v1::CreateMigrationRequest given;
  ToProto(*FromProto(asked), given);
  EXPECT_EQ(Difference(asked, given), "");
  Migration migration = Record("a-1");
  migration.request = *FromProto(asked);
  EXPECT_EQ(SaveAndLoad(migration).request, migration.request);
}

TEST_F(RecordFilesTest, ReservationTokensAreStoredNowhere) {
  Migration migration = Record("a-1");
  migration.request.reservation_tokens = {"a secret"};
  EXPECT_THAT(SaveAndLoad(migration).request.reservation_tokens, IsEmpty());
  EXPECT_THAT(Read().SerializeAsString(), ::testing::Not(HasSubstr("a secret")));
}

TEST_F(RecordFilesTest, TheRepairLoopLearnsTheSameFromThem) {
  Migration migration = Record("a-1");
  migration.request.origin = MigrationOrigin::kPolicy;
  migration.request.policy = "keep";
  migration.request.trigger = "timer";
  migration.request.spec.enough_bytes = 77;
  migration.request.estimate.emplace().local_before = 0.25;
  migration.request.estimate->bytes = 77;
  migration.estimate = migration.request.estimate;
  migration.estimate->local_after = 0.255;
  migration.estimate->remote_after = 70;
  migration.workloads[0].target_nodes = {NodeId{1}};
  migration.workloads[0].outcomes.Add(PageOutcome::kPinned, 3);
  migration.workloads[0].outcomes.Add(PageOutcome::kMoved, 1);
  const Migration loaded = SaveAndLoad(migration);
  EXPECT_EQ(loaded.request, migration.request);
  EXPECT_EQ(loaded.estimate, migration.estimate);
  LocalityPolicy policy;
  policy.name = "keep";
  const RepairHistory before = AfterMigration({}, migration, migration.workloads[0], &policy);
  const RepairHistory after = AfterMigration({}, loaded, loaded.workloads[0], &policy);
  EXPECT_EQ(before.fruitless, 1);
  EXPECT_EQ(after.fruitless, before.fruitless);
  EXPECT_EQ(after.last_end, before.last_end);
  EXPECT_EQ(after.home, before.home);
  EXPECT_EQ(after.stuck_bytes, before.stuck_bytes);
}

TEST_F(RecordFilesTest, WhatIsNoRecordIsRemoved) {
  EXPECT_TRUE(files_.Load().ok());
  EXPECT_TRUE(files_.Save(Record("a-1")).ok());
  directory_.Write("records/a-2.pb", "\xff\xff nonsense");
  directory_.Write("records/a-3.pb", "");
  directory_.Write("records/a-4.pb.new", "half a reco");
  directory_.Write("records/notes.txt", "");
  directory_.MakeDirectory("records/a-7.pb");
  std::filesystem::copy(directory_.Path("records/a-1.pb"), directory_.Path("records/a-5.pb"));
  stored::Migration unknown = Full();
  unknown.mutable_migration()->set_id("a-6");
  unknown.mutable_migration()->set_state(static_cast<v1::MigrationState>(99));
  directory_.Write("records/a-6.pb", unknown.SerializeAsString());
  EXPECT_THAT(Load(), SizeIs(1));
  EXPECT_THAT(Files(), ElementsAre("a-1.pb"));
}

TEST_F(RecordFilesTest, ReadsTheVersionBeforeItsOwn) {
  v1::Migration version_1 = Full().migration();
  version_1.clear_request();  // which it did not have
  directory_.Write("records/a-1.pb", version_1.SerializeAsString());
  const std::vector<Migration> migrations = Load();
  ASSERT_THAT(migrations, SizeIs(1));
  EXPECT_FALSE(migrations[0].is_request_known);
  EXPECT_EQ(migrations[0].request.request_id, "mine");
  EXPECT_EQ(migrations[0].request.origin, MigrationOrigin::kPolicy);
  EXPECT_EQ(migrations[0].request.evacuation->node, NodeId{version_1.evacuated_node_id()});
  EXPECT_EQ(migrations[0].request.evacuation->keep_clear, FromProto(version_1.keep_clear()));
  v1::Migration shown;
  ToProto(migrations[0], shown);
  EXPECT_EQ(Difference(version_1, shown), "");
  // Written again, it is of this version and still says that the request is not known.
  EXPECT_FALSE(SaveAndLoad(migrations[0]).is_request_known);
  EXPECT_EQ(Read().format_version(), kFormatVersion);
}

// The agent finds the cgroup again by its path.
TEST_F(RecordFilesTest, KeepsPathsOfAnyBytes) {
  for (const std::string path :
       {"/machine-qemu\\x2d1.scope", "/b\303\244r", "/a\n\"\xff\\", "/a\\u000a", "/plain"}) {
    Migration migration = Record("a-1");
    migration.workloads.resize(1);
    migration.workloads[0].workload.cgroup_path = path;
    const Migration loaded = SaveAndLoad(migration);
    EXPECT_EQ(loaded.workloads[0].workload.cgroup_path, path);
  }
}

// A later version may have another layout, and its records are not replaced either.
TEST_F(RecordFilesTest, RefusesALaterVersionWithAnotherLayout) {
  // format_version, and a number in the field that is a message now.
  const std::string later = {0x08, kFormatVersion + 1, 0x10, 0x07};
  directory_.Write("records/a-1.pb", later);
  EXPECT_THAT(files_.Load().value(), IsEmpty());
  Migration other;
  other.id = "a-1";
  EXPECT_EQ(files_.Save(other).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadFile(directory_.Path("records/a-1.pb")).value(), later);
}

TEST_F(RecordFilesTest, RefusesALaterVersionAndLeavesTheFile) {
  stored::Migration later = Full();
  later.set_format_version(kFormatVersion + 1);
  later.mutable_migration()->set_state(static_cast<v1::MigrationState>(99));
  directory_.Write("records/a-1.pb", later.SerializeAsString());
  EXPECT_THAT(Load(), IsEmpty());
  EXPECT_THAT(Files(), ElementsAre("a-1.pb"));
  EXPECT_EQ(Difference(later, Read()), "");
  const absl::Status status = CheckFormatVersion("/run/a-1.pb", kFormatVersion + 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(HasSubstr("/run/a-1.pb"),
                               HasSubstr(absl::StrCat("version ", kFormatVersion + 1)),
                               HasSubstr("delete the file")));
}

TEST_F(RecordFilesTest, RemovesOnRequest) {
  EXPECT_TRUE(files_.Load().ok());
  EXPECT_TRUE(files_.Save(Record("a-1")).ok());
  EXPECT_TRUE(files_.Remove("a-1").ok());
  EXPECT_TRUE(files_.Remove("a-1").ok()) << "nothing to remove";
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(RecordFilesTest, NeedsADirectory) {
  directory_.Write("records", "a file");
  const absl::Status status = files_.Load().status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(directory_.Path("records")));
  EXPECT_FALSE(files_.Save(Record("a-1")).ok());
}

}  // namespace
}  // namespace numalocality::record_files_test
