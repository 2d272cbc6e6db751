// Conversion of what several services share: status, enums, times, sets, memory by node, workloads,
// page tokens. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_COMMON_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_COMMON_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/timestamp.pb.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/model/enum_table.h"
#include "agent/model/filter.h"
#include "agent/model/id_set.h"
#include "agent/model/placement.h"
#include "agent/model/workload.h"
#include "numalocality/v1/placement.pb.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality {

namespace pb = ::numalocality::v1;

// The same code, message and details.
grpc::Status ToGrpc(const absl::Status& status);

// The number of the value of `type` that has this name behind the enum's prefix: "NO_ROOM" finds
// MIGRATION_REASON_NO_ROOM. UNSPECIFIED, which is 0, if there is none.
int ApiNumberOf(const google::protobuf::EnumDescriptor& type, const std::string& name);

// The API's value for a value of an enum with a table: the value of the same name, whatever its
// number. UNSPECIFIED for values that the API does not have, such as MigrationReason::kNone.
template <typename Api, typename E>
Api ToApi(E value) {
  return static_cast<Api>(
      ApiNumberOf(*google::protobuf::GetEnumDescriptor<Api>(), ApiNameOf(value)));
}

// The value that ToApi converts to `api`; nullopt if there is none: for values that this agent does
// not know, and for UNSPECIFIED unless it means a value such as MigrationReason::kNone.
template <typename E, typename Api>
std::optional<E> FromApi(Api api) {
  for (const E value : AllValues<E>()) {
    if (ToApi<Api>(value) == api) return value;
  }
  return std::nullopt;
}

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Time FromProto(const google::protobuf::Timestamp& time);
absl::Duration FromProto(const google::protobuf::Duration& duration);

// Appends to a repeated field.
template <typename Id, typename Field>
void ToField(const IdSet<Id>& ids, Field* field) {
  for (const Id id : ids) field->Add(id.value);
}
void ToField(const MemoryByNode& memory, google::protobuf::RepeatedPtrField<pb::NodeUsage>* field);

void ToProto(const Workload& workload, pb::Workload& message);

// The workload that ToProto made the message of. Unprintable characters of names in Kubernetes stay
// escaped, those of the cgroup path do not.
Workload FromProto(const pb::Workload& message);

void FromField(const google::protobuf::RepeatedPtrField<pb::NodeUsage>& field,
               MemoryByNode& memory);
NodeSet NodesFrom(const google::protobuf::RepeatedField<int32_t>& field);

// INVALID_ARGUMENT if the selector names nothing.
absl::StatusOr<WorkloadSelector> FromProto(const pb::WorkloadSelector& message);
void ToProto(const WorkloadSelector& selector, pb::WorkloadSelector& message);

WorkloadFilter FromProto(const pb::WorkloadFilter& message);

// Whether a list or a watch is to contain less: Summarize. INVALID_ARGUMENT for a value that the
// API does not have.
absl::StatusOr<bool> IsSummary(pb::Detail detail);

// Page tokens: opaque to callers, "" for none. `list` names what is listed, such as "placements".
// INVALID_ARGUMENT for a token that EncodePageToken did not make for this list.
std::string EncodePageToken(absl::string_view list, absl::string_view position);
absl::StatusOr<std::string> DecodePageToken(absl::string_view list, absl::string_view token);

// Entries on one page: `requested`, at most 1000, by default 250. INVALID_ARGUMENT if negative.
absl::StatusOr<size_t> PageSize(int32_t requested);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_COMMON_H_
