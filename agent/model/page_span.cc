#include "agent/model/page_span.h"

namespace numalocality {
namespace {

constexpr EnumTable<ScanMethod> kScanMethods = {{
    {ScanMethod::kFrames, "frames", "frames", ""},
    {ScanMethod::kPresence, "presence", "presence", ""},
    {ScanMethod::kQuery, "query", "query", ""},
}};
static_assert(IsWellFormed(kScanMethods));

}  // namespace

const EnumTable<ScanMethod>& TableOf(ScanMethod) { return kScanMethods; }

}  // namespace numalocality
