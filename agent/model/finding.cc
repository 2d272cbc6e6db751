#include "agent/model/finding.h"

namespace numalocality {
namespace {

constexpr EnumTable<Severity> kSeverities = {{
    {Severity::kError, "error", "error", ""},
    {Severity::kWarning, "warning", "warning", ""},
    {Severity::kNote, "note", "note", ""},
}};
static_assert(IsWellFormed(kSeverities));

}  // namespace

const EnumTable<Severity>& TableOf(Severity) { return kSeverities; }

}  // namespace numalocality
