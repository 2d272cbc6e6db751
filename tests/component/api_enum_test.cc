// The values of the model's enums in the API, and back: by name, never by number.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "agent/model/error_details.h"
#include "agent/model/explanation.h"
#include "agent/model/finding.h"
#include "agent/model/migration.h"
#include "agent/model/page_outcome.h"
#include "agent/model/page_span.h"
#include "agent/model/privileges.h"
#include "agent/model/repair.h"
#include "agent/rpc/convert/common.h"
#include "numalocality/v1/agent.pb.h"
#include "numalocality/v1/migration.pb.h"
#include "numalocality/v1/placement.pb.h"

namespace numalocality::api_enum_test {
namespace {

template <typename ModelEnum, typename ApiEnum>
struct Pair {
  using E = ModelEnum;
  using Api = ApiEnum;
};

template <typename T>
class ApiEnumConversionTest : public ::testing::Test {};

using Pairs = ::testing::Types<
    Pair<CrossCheckVerdict, v1::CrossCheckVerdict>, Pair<ErrorReason, v1::ErrorReason>,
    Pair<HoldMode, v1::HoldMode>, Pair<ContainerRole, v1::ContainerRole>,
    Pair<MemoryKind, v1::MemoryKind>, Pair<MigrationOrigin, v1::MigrationOrigin>,
    Pair<MigrationReason, v1::MigrationReason>, Pair<MigrationState, v1::MigrationState>,
    Pair<PageOutcome, v1::PageOutcome>, Pair<PlacementState, v1::PlacementState>,
    Pair<PlacementView, v1::PlacementView>, Pair<QosClass, v1::QosClass>,
    Pair<RemoteReason, v1::RemoteReason>, Pair<RepairReason, v1::RepairReason>,
    Pair<RepairVerdict, v1::RepairVerdict>, Pair<ScanMethod, v1::ScanMethod>,
    Pair<SeccompMode, v1::SeccompMode>, Pair<Severity, v1::FindingSeverity>,
    Pair<SharingRule, v1::SharingRule>, Pair<StickMode, v1::StickMode>>;
TYPED_TEST_SUITE(ApiEnumConversionTest, Pairs);

TYPED_TEST(ApiEnumConversionTest, EveryValueHasOneOfTheApiAndComesBack) {
  using E = typename TypeParam::E;
  using Api = typename TypeParam::Api;
  std::set<Api> found;
  for (const E value : AllValues<E>()) {
    const Api api = ToApi<Api>(value);
    EXPECT_TRUE(found.insert(api).second) << KeyOf(value);
    EXPECT_EQ(FromApi<E>(api), value) << KeyOf(value);
    if (api == Api{}) continue;
    const std::string& name = google::protobuf::GetEnumDescriptor<Api>()
                                  ->FindValueByNumber(static_cast<int>(api))
                                  ->name();
    EXPECT_TRUE(name.ends_with("_" + ApiNameOf(value))) << name;
  }
  found.insert(Api{});
  EXPECT_EQ(static_cast<int>(found.size()),
            google::protobuf::GetEnumDescriptor<Api>()->value_count());
  EXPECT_EQ(FromApi<E>(static_cast<Api>(999)), std::nullopt);
}

TEST(ApiEnumTest, UnspecifiedIsAValueOnlyIfTheModelHasOneForIt) {
  EXPECT_EQ(FromApi<MigrationReason>(v1::MIGRATION_REASON_UNSPECIFIED), MigrationReason::kNone);
  EXPECT_EQ(FromApi<CrossCheckVerdict>(v1::CROSS_CHECK_VERDICT_UNSPECIFIED),
            CrossCheckVerdict::kNotCompared);
  EXPECT_EQ(FromApi<HoldMode>(v1::HOLD_MODE_UNSPECIFIED), std::nullopt);
  EXPECT_EQ(FromApi<HoldMode>(v1::HOLD_MODE_NONE), HoldMode::kNone);
  EXPECT_EQ(ToApi<v1::PlacementView>(PlacementView::kHome), v1::PLACEMENT_VIEW_UNSPECIFIED);
}

}  // namespace
}  // namespace numalocality::api_enum_test
