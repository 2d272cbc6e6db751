// Conversion of an error's details to messages of google.rpc. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_ERROR_DETAILS_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_ERROR_DETAILS_H_

#include <string>

#include "absl/status/status.h"

namespace numalocality {

// A serialized google.rpc.Status with ErrorInfo and, as far as known, RetryInfo and BadRequest; ""
// if the error has no details.
std::string SerializedDetails(const absl::Status& status);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_ERROR_DETAILS_H_
