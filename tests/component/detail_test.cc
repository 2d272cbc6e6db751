// What lists and watches leave out with DETAIL_SUMMARY.
#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/rpc/convert/migration_record.h"
#include "agent/rpc/convert/placement.h"

namespace numalocality::detail_test {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using ::testing::UnorderedElementsAre;

void FillScalar(Message& message, const FieldDescriptor& field) {
  const auto* const reflection = message.GetReflection();
  const auto set = [&](auto set_one, auto add_one, const auto& value) {
    if (field.is_repeated()) {
      (reflection->*add_one)(&message, &field, value);
    } else {
      (reflection->*set_one)(&message, &field, value);
    }
  };
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return set(&R::SetInt32, &R::AddInt32, int32_t{7});
    case FieldDescriptor::CPPTYPE_INT64: return set(&R::SetInt64, &R::AddInt64, int64_t{7});
    case FieldDescriptor::CPPTYPE_UINT32: return set(&R::SetUInt32, &R::AddUInt32, uint32_t{7});
    case FieldDescriptor::CPPTYPE_UINT64: return set(&R::SetUInt64, &R::AddUInt64, uint64_t{7});
    case FieldDescriptor::CPPTYPE_DOUBLE: return set(&R::SetDouble, &R::AddDouble, 0.5);
    case FieldDescriptor::CPPTYPE_BOOL: return set(&R::SetBool, &R::AddBool, true);
    case FieldDescriptor::CPPTYPE_ENUM: return set(&R::SetEnumValue, &R::AddEnumValue, 1);
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.is_repeated()) return reflection->AddString(&message, &field, "words");
      return reflection->SetString(&message, &field, "words");
    default: FAIL() << field.full_name();
  }
}

// Sets every field.
void Fill(Message& message) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      FillScalar(message, field);
    } else if (field.is_repeated()) {
      Fill(*message.GetReflection()->AddMessage(&message, &field));
    } else {
      Fill(*message.GetReflection()->MutableMessage(&message, &field));
    }
  }
}

// The paths of the fields that are not set, of those with a message that is set.
void AddMissing(const std::string& prefix, const Message& message, std::set<std::string>& missing) {
  const auto* const reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.real_containing_oneof() != nullptr) continue;  // at most one is set
    const std::string path = absl::StrCat(prefix, field.name());
    const bool is_set = field.is_repeated() ? reflection->FieldSize(message, &field) > 0
                                            : reflection->HasField(message, &field);
    if (!is_set) {
      missing.insert(path);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AddMissing(absl::StrCat(path, "."),
                 field.is_repeated() ? reflection->GetRepeatedMessage(message, &field, 0)
                                     : reflection->GetMessage(message, &field),
                 missing);
    }
  }
}

template <typename Api>
std::set<std::string> LeftOut() {
  Api message;
  Fill(message);
  std::set<std::string> missing;
  AddMissing("", message, missing);
  EXPECT_THAT(missing, testing::IsEmpty());
  Summarize(message);
  AddMissing("", message, missing);
  return missing;
}

// These lists are in the comment of DETAIL_SUMMARY.
TEST(DetailTest, ASummaryLeavesOutExactlyWhatTheApiSays) {
  EXPECT_THAT(LeftOut<v1::WorkloadPlacement>(),
              UnorderedElementsAre("cpu_ids", "processes", "kubelet_assignment", "decision.message",
                                   "state_message"));
  EXPECT_THAT(LeftOut<v1::Migration>(),
              UnorderedElementsAre(
                  "request", "workloads.before", "workloads.after", "workloads.verifications",
                  "workloads.move_call_buckets", "workloads.cross_check", "workloads.drift_causes",
                  "workloads.sharing_note", "workloads.stick_note", "workloads.outcomes.advice"));
}

// A container of a machine with 256 CPUs, whose two processes have different home nodes.
v1::WorkloadPlacement LargePlacement() {
  v1::WorkloadPlacement placement;
  v1::Workload& workload = *placement.mutable_workload();
  workload.set_pod_uid("0f8c2e5a-1111-2222-3333-444455556666");
  workload.set_container_id(std::string(64, 'a'));
  workload.set_cgroup_path(absl::StrCat("/kubepods.slice/kubepods-pod", workload.pod_uid(),
                                        ".slice/cri-containerd-", workload.container_id(),
                                        ".scope"));
  workload.set_pod_namespace("shop");
  workload.set_pod_name("frontend-7c9d8b6f5-x2x8k");
  workload.set_container_name("server");
  for (int process = 0; process < 2; ++process) {
    v1::ProcessPlacement& each = *placement.add_processes();
    each.set_pid(4321 + process);
    for (int cpu = 0; cpu < 128; ++cpu) each.add_cpu_ids(128 * process + cpu);
    placement.mutable_cpu_ids()->MergeFrom(each.cpu_ids());
    placement.add_home_node_ids(process);
    v1::NodeUsage& usage = *placement.add_node_usages();
    usage.set_node_id(process);
    usage.set_anon_bytes(int64_t{3} << 30);
    usage.set_file_bytes(int64_t{200} << 20);
    *each.add_node_usages() = usage;
  }
  placement.set_local_fraction(0.97);
  placement.mutable_decision()->set_message("97.0% is local, at least the 90% of the policy");
  return placement;
}

TEST(DetailTest, ASummaryIsMuchSmaller) {
  v1::WorkloadPlacement placement = LargePlacement();
  const size_t full = placement.ByteSizeLong();
  Summarize(placement);
  const size_t summary = placement.ByteSizeLong();
  std::cout << "bytes of a placement on 256 CPUs: full " << full << ", summary " << summary << "\n";
  EXPECT_LT(2 * summary, full);
}

TEST(DetailTest, ASummaryIsNoDecisionWhereThereIsNone) {
  v1::WorkloadPlacement placement;
  Summarize(placement);
  EXPECT_FALSE(placement.has_decision());
}

TEST(DetailTest, UnknownDetailsAreRefused) {
  EXPECT_FALSE(*IsSummary(v1::DETAIL_UNSPECIFIED));
  EXPECT_FALSE(*IsSummary(v1::DETAIL_FULL));
  EXPECT_TRUE(*IsSummary(v1::DETAIL_SUMMARY));
  EXPECT_TRUE(absl::IsInvalidArgument(IsSummary(static_cast<v1::Detail>(77)).status()));
}

}  // namespace
}  // namespace numalocality::detail_test
