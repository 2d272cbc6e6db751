// Details of an error for programs. An absl::Status carries them as payloads, and an answer of the
// API as messages of google.rpc (rpc/convert/error_details).
#ifndef NUMALOCALITY_AGENT_MODEL_ERROR_DETAILS_H_
#define NUMALOCALITY_AGENT_MODEL_ERROR_DETAILS_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/model/enum_table.h"

namespace numalocality {

// Why a request is refused, where the code alone does not say it. The comments of the API's enum
// (migration.proto) name the metadata of each.
enum class ErrorReason {
  kMigrationRunning,
  kReserved,
  kRequestIdUsed,
  kTooManyMigrations,
  kTooManyReservations,
  kCallsStalled,
  kInvalidField,
  kRoleMissing,
  kTooManyCalls,
  kTooManyWatches,
  kCallerUnknown,
  kCertificateExpired
};
const EnumTable<ErrorReason>& TableOf(ErrorReason);

struct ErrorDetails {
  ErrorReason reason = ErrorReason::kInvalidField;
  std::map<std::string, std::string> metadata = {};          // such as {"migration_id", "65f0-1"}
  std::optional<absl::Duration> retry_after = std::nullopt;  // the same request may succeed then
  bool operator==(const ErrorDetails&) const = default;
};

// `status`, an error, with `details`.
absl::Status WithDetails(absl::Status status, const ErrorDetails& details);

// The details that WithDetails has added; nullopt if there are none.
std::optional<ErrorDetails> DetailsOf(const absl::Status& status);

// INVALID_ARGUMENT with the message "<field>: <what>" and the reason kInvalidField. `field`: its
// path in the request, such as "limits.max_call_time".
absl::Status InvalidField(absl::string_view field, absl::string_view what);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_ERROR_DETAILS_H_
