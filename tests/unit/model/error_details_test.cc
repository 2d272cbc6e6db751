#include "agent/model/error_details.h"

#include <gtest/gtest.h>

#include "agent/base/status.h"

namespace numalocality::error_details_test {
namespace {

TEST(ErrorDetailsTest, AStatusCarriesThem) {
  const ErrorDetails details{
      ErrorReason::kReserved, {{"owner", "a\nb"}, {"expire_time", ""}}, absl::Milliseconds(1500)};
  const absl::Status status = WithDetails(absl::AbortedError("reserved"), details);
  EXPECT_EQ(status.message(), "reserved");
  EXPECT_EQ(DetailsOf(status), details);
  EXPECT_EQ(DetailsOf(WithContext(status, "pod x")), details) << "context loses nothing";
}

TEST(ErrorDetailsTest, OtherErrorsHaveNone) {
  EXPECT_EQ(DetailsOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(DetailsOf(absl::AbortedError("for another reason")), std::nullopt);
}

TEST(ErrorDetailsTest, AnInvalidFieldIsNamed) {
  const absl::Status status = InvalidField("limits.worker_count", "must be 1 to 16");
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(), "limits.worker_count: must be 1 to 16");
  EXPECT_EQ(DetailsOf(status),
            (ErrorDetails{ErrorReason::kInvalidField, {{"field", "limits.worker_count"}}}));
}

}  // namespace
}  // namespace numalocality::error_details_test
