// Counts of the API's calls on one socket, for the metrics.
#ifndef NUMALOCALITY_AGENT_MODEL_CALL_COUNTS_H_
#define NUMALOCALITY_AGENT_MODEL_CALL_COUNTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "agent/model/error_details.h"

namespace numalocality {

struct CallCounts {
  int running_calls = 0;  // without watches
  int running_watches = 0;
  std::map<std::pair<std::string, absl::StatusCode>, int64_t> ended;  // by method
  std::map<ErrorReason, int64_t> refused;  // ended calls, and requests before they became calls
  std::optional<int> connections = std::nullopt;  // of the self socket
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CALL_COUNTS_H_
