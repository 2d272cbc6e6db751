// Between the API's messages and the agent's values: the only place that knows both. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/engine/placement_reader.h"
#include "agent/model/migration.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"
#include "numalocality/v1/migration.pb.h"
#include "numalocality/v1/placement.pb.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality {

namespace pb = ::numalocality::v1;

// Same code, same message.
grpc::Status ToGrpc(const absl::Status& status);

void ToProto(const Topology& topology, pb::Topology& message);
void ToProto(const Workload& workload, pb::Workload& message);
void ToProto(const WorkloadPlacement& placement, pb::WorkloadPlacement& message);
void ToProto(const Migration& migration, pb::Migration& message);

// INVALID_ARGUMENT if the selector names nothing.
absl::StatusOr<WorkloadSelector> FromProto(const pb::WorkloadSelector& message);

PlacementView FromProto(pb::PlacementView view);

// Checks what only the message can show (empty names, unknown kinds, bad durations); the rest is
// the migrator's.
absl::StatusOr<MigrationRequest> FromProto(const pb::CreateMigrationRequest& message);

// Page tokens: opaque to callers, "" for none. INVALID_ARGUMENT for what EncodePageToken did not
// make.
std::string EncodePageToken(absl::string_view position);
absl::StatusOr<std::string> DecodePageToken(absl::string_view token);

// Entries on one page: `requested`, at most 1000, by default 250. INVALID_ARGUMENT if negative.
absl::StatusOr<size_t> PageSize(int32_t requested);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_H_
