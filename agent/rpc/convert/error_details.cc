#include "agent/rpc/convert/error_details.h"

#include <google/protobuf/any.pb.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/model/error_details.h"
#include "agent/rpc/convert/common.h"
#include "numalocality/errors/v1/error_details.pb.h"

namespace numalocality {
namespace {

constexpr char kDomain[] = "numa-locality.io";

template <typename Message>
void Add(const char* type, const Message& message, errors::v1::ErrorStatus& status) {
  auto& detail = *status.add_details();
  detail.set_type_url(absl::StrCat("type.googleapis.com/google.rpc.", type));
  detail.set_value(message.SerializeAsString());
}

}  // namespace

std::string SerializedDetails(const absl::Status& status) {
  const std::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return "";
  errors::v1::ErrorStatus message;
  message.set_code(static_cast<int>(status.code()));
  message.set_message(Printable(status.message()));
  errors::v1::ErrorInfo info;
  info.set_reason(ApiNameOf(details->reason));
  info.set_domain(kDomain);
  for (const auto& [key, value] : details->metadata) {
    (*info.mutable_metadata())[key] = Printable(value);
  }
  Add("ErrorInfo", info, message);
  if (details->retry_after.has_value()) {
    errors::v1::RetryInfo retry;
    *retry.mutable_retry_delay() = ToProto(std::max(*details->retry_after, absl::ZeroDuration()));
    Add("RetryInfo", retry, message);
  }
  if (details->reason == ErrorReason::kInvalidField) {
    errors::v1::BadRequest bad;
    auto& violation = *bad.add_field_violations();
    violation.set_field(info.metadata().at("field"));
    violation.set_description(message.message());
    Add("BadRequest", bad, message);
  }
  return message.SerializeAsString();
}

}  // namespace numalocality
