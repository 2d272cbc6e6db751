// A migration's record as a message. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_RECORD_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_RECORD_H_

#include "agent/model/migration.h"
#include "agent/model/page_span.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality {

v1::ScanMethod ToProto(ScanMethod method);
void ToProto(const Migration& migration, v1::Migration& message);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_MIGRATION_RECORD_H_
