#include "agent/model/container_names.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace numalocality {
namespace {

constexpr EnumTable<ContainerRole> kContainerRoles = {{
    {ContainerRole::kUnknown, "unknown", "unknown",
     "no name source knows the container; see 'localityctl doctor'"},
    {ContainerRole::kApp, "app", "app", ""},
    {ContainerRole::kSandbox, "sandbox", "sandbox", ""},
    {ContainerRole::kPresumedSandbox, "presumed_sandbox", "presumed sandbox",
     "set sources.criSocket, so that the container runtime says what it is"},
}};
static_assert(IsWellFormed(kContainerRoles));

}  // namespace

const EnumTable<ContainerRole>& TableOf(ContainerRole) { return kContainerRoles; }

absl::StatusOr<ContainerNames> ParseResourceName(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  const bool is_pod = parts.size() == 4 || parts.size() == 6;
  const bool has_empty =
      std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
  if (!is_pod || has_empty || parts[0] != "namespaces" || parts[2] != "pods" ||
      (parts.size() == 6 && parts[4] != "containers")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "resource name '", text,
        "': must be namespaces/NAMESPACE/pods/POD, optionally with /containers/CONTAINER"));
  }
  return ContainerNames{parts[1], parts[3], parts.size() == 6 ? parts[5] : ""};
}

}  // namespace numalocality
