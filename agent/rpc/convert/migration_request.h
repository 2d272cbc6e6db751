// Conversion of requests for migrations. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_REQUEST_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "agent/model/filter.h"
#include "agent/model/migration.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality {

// INVALID_ARGUMENT with the field's name for empty names, unknown enum values and impossible times;
// UNIMPLEMENTED for the lazy mode. Admit checks the request against the machine.
absl::StatusOr<MigrationRequest> FromProto(const v1::CreateMigrationRequest& message);

// INVALID_ARGUMENT for unknown states.
absl::StatusOr<MigrationFilter> FromProto(const v1::MigrationFilter& message);

// The field request_id of a request; INVALID_ARGUMENT if it is too long.
absl::StatusOr<std::string> RequestIdFrom(const std::string& field);

// The same request as a message, for readers of the migration's record: values that are the default
// are left out, and so are the reservation tokens, which are secret. What only the repair loop asks
// for (origin, policy, trigger, estimate, spec.enough_bytes) has no place in this message.
void ToProto(const MigrationRequest& request, v1::CreateMigrationRequest& message);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_REQUEST_H_
