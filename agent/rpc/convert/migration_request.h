// What a caller asks for, as a message and as a value. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_REQUEST_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_REQUEST_H_

#include "absl/status/statusor.h"
#include "agent/model/migration.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality {

// Checks what only the message can show (empty names, unknown enum values, times that make no
// sense): INVALID_ARGUMENT with the field's name; UNIMPLEMENTED for the lazy mode. The rest is the
// migrator's.
absl::StatusOr<MigrationRequest> FromProto(const v1::CreateMigrationRequest& message);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_REQUEST_H_
