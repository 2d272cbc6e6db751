// Conversion of migration records. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_RECORD_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_RECORD_H_

#include "absl/status/statusor.h"
#include "agent/model/migration.h"
#include "agent/model/page_span.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality {

void ToProto(const Migration& migration, v1::Migration& message);

// Clears what the API's DETAIL_SUMMARY leaves out.
void Summarize(v1::Migration& message);

// The migration that ToProto made `message` of, as far as it is in the message: reservation tokens,
// drift facts, durations of holds and request.spec.enough_bytes are not. INVALID_ARGUMENT for
// values of enums that this agent does not know.
absl::StatusOr<Migration> FromProto(const v1::Migration& message);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_RECORD_H_
