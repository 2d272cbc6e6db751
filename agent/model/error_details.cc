#include "agent/model/error_details.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace numalocality {
namespace {

constexpr EnumTable<ErrorReason> kErrorReasons = {{
    {ErrorReason::kMigrationRunning, "migration_running", "a migration is moving it",
     "wait for the end of that migration, or cancel it"},
    {ErrorReason::kReserved, "reserved", "it is reserved",
     "wait for the end of the reservation, or pass its token"},
    {ErrorReason::kRequestIdUsed, "request_id_used", "the request_id belongs to another request",
     "use a new request_id for each request, and the same one only to repeat it"},
    {ErrorReason::kTooManyMigrations, "too_many_migrations", "too many migrations are waiting",
     "try again later"},
    {ErrorReason::kTooManyReservations, "too_many_reservations", "there are too many reservations",
     "release some of them"},
    {ErrorReason::kCallsStalled, "calls_stalled",
     "migrations of its pod wait for kernel calls that do not return",
     "wait until the calls return; localityctl doctor names them"},
    {ErrorReason::kInvalidField, "invalid_field", "a field is invalid", "correct the field"},
    {ErrorReason::kRoleMissing, "role_missing", "the client lacks a role",
     "add the role to api.clients in the agent's configuration"},
    {ErrorReason::kTooManyCalls, "too_many_calls", "the caller makes too many calls",
     "call less often, and keep fewer connections"},
    {ErrorReason::kTooManyWatches, "too_many_watches", "there are too many watches",
     "end watches that are not needed"},
    {ErrorReason::kCallerUnknown, "caller_unknown", "the caller is not known",
     "use a client certificate with a name"},
    {ErrorReason::kCertificateExpired, "certificate_expired",
     "the client's certificate has expired", "connect again with a new certificate"},
}};
static_assert(IsWellFormed(kErrorReasons));

// Type URLs of payloads: this before "reason", "retry_after" or "metadata/<key>".
constexpr absl::string_view kPrefix = "numa-locality.io/";

}  // namespace

const EnumTable<ErrorReason>& TableOf(ErrorReason) { return kErrorReasons; }

absl::Status WithDetails(absl::Status status, const ErrorDetails& details) {
  const auto add = [&](absl::string_view name, absl::string_view value) {
    status.SetPayload(absl::StrCat(kPrefix, name), absl::Cord(value));
  };
  add("reason", KeyOf(details.reason));
  if (details.retry_after.has_value()) {
    add("retry_after", absl::FormatDuration(*details.retry_after));
  }
  for (const auto& [key, value] : details.metadata) add(absl::StrCat("metadata/", key), value);
  return status;
}

std::optional<ErrorDetails> DetailsOf(const absl::Status& status) {
  std::optional<ErrorReason> reason;
  ErrorDetails details;
  status.ForEachPayload([&](absl::string_view name, const absl::Cord& payload) {
    if (!absl::ConsumePrefix(&name, kPrefix)) return;
    const std::string value(payload);
    absl::Duration time;
    if (name == "reason") reason = FromKey<ErrorReason>(value);
    if (name == "retry_after" && absl::ParseDuration(value, &time)) details.retry_after = time;
    if (absl::ConsumePrefix(&name, "metadata/")) details.metadata[std::string(name)] = value;
  });
  if (!reason.has_value()) return std::nullopt;
  details.reason = *reason;
  return details;
}

absl::Status InvalidField(absl::string_view field, absl::string_view what) {
  return WithDetails(absl::InvalidArgumentError(absl::StrCat(field, ": ", what)),
                     {ErrorReason::kInvalidField, {{"field", std::string(field)}}});
}

}  // namespace numalocality
