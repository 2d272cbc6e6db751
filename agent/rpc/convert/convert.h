// Between the API's messages and the agent's values, as far as several services need it. Pure.
// migration_request and migration_record have the rest.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_CONVERT_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_CONVERT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/timestamp.pb.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/model/id_set.h"
#include "agent/model/locality_report.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"
#include "numalocality/v1/placement.pb.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality {

namespace pb = ::numalocality::v1;

// Same code, same message.
grpc::Status ToGrpc(const absl::Status& status);

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

void ToProto(const Topology& topology, pb::Topology& message);
pb::QosClass ToProto(QosClass qos);
void ToProto(const Workload& workload, pb::Workload& message);
void ToProto(const WorkloadPlacement& placement, pb::WorkloadPlacement& message);
void ToProto(const RepairDecision& decision, pb::RepairDecision& message);
// What the latest report adds to a placement that was read afresh: its names, decision, kubelet's
// assignment, and its processes where their homes differ.
void AddReport(const WorkloadReport& report, pb::WorkloadPlacement& message);

// What ToProto made, as far as it was printable.
Workload FromProto(const pb::Workload& message);

void FromField(const google::protobuf::RepeatedPtrField<pb::NodeUsage>& field,
               MemoryByNode& memory);
NodeSet NodesFrom(const google::protobuf::RepeatedField<int32_t>& field);

// INVALID_ARGUMENT if the selector names nothing.
absl::StatusOr<WorkloadSelector> FromProto(const pb::WorkloadSelector& message);
void ToProto(const WorkloadSelector& selector, pb::WorkloadSelector& message);

PlacementView FromProto(pb::PlacementView view);

// Page tokens: opaque to callers, "" for none. INVALID_ARGUMENT for what EncodePageToken did not
// make.
std::string EncodePageToken(absl::string_view position);
absl::StatusOr<std::string> DecodePageToken(absl::string_view token);

// Entries on one page: `requested`, at most 1000, by default 250. INVALID_ARGUMENT if negative.
absl::StatusOr<size_t> PageSize(int32_t requested);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_CONVERT_H_
