#include "agent/cli/localityctl/selector.h"

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/cli/arguments.h"

namespace numalocality::localityctl {
namespace {

// The length of an id as crictl prints it. A shorter text may be a name, such as "db".
constexpr size_t kShortIdLength = 12;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
}

// Whether the pod is given by namespace and name, not by UID.
bool IsNamed(const std::string& pod) { return absl::StrContains(pod, '/'); }

absl::StatusOr<std::string> ParsePod(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  if (parts.size() <= 2 && !parts.front().empty() && !parts.back().empty()) {
    return std::string(text);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a pod; write its UID, or NAMESPACE/NAME"));
}

// CLI11 handles options in the order in which they were added, so the pod is known here.
void StoreContainer(const std::string& text, SelectorOptions& options) {
  const bool is_id = IsHex(text) || absl::StrContains(text, "://");
  if (!is_id && !IsNamed(options.pod)) {
    throw CLI::ValidationError(
        "--container",
        absl::StrCat(
            "'", text,
            "' is not a container id; to name a container, also give --pod NAMESPACE/NAME"));
  }
  options.container = text;
}

}  // namespace

void AddSelectorOptions(CLI::App& app, SelectorOptions& options) {
  constexpr char kGroup[] = "Which workload";
  auto* pod =
      AddParsedOption(app, "--pod", ParsePod, options.pod,
                      "All containers of the pod with this UID, or with this namespace and name")
          ->type_name("UID|NAMESPACE/NAME")
          ->group(kGroup);
  auto* container =
      app.add_option_function<std::string>(
             "--container", [&options](const std::string& text) { StoreContainer(text, options); },
             "One container: by its id or at least the first 8 characters of it; or by its name, "
             "together with --pod NAMESPACE/NAME")
          ->type_name("ID|NAME")
          ->group(kGroup);
  auto* cgroup = app.add_option("--cgroup", options.cgroup_path,
                                "Any cgroup, by its path such as /system.slice/mysql.service")
                     ->type_name("PATH")
                     ->group(kGroup)
                     ->excludes(pod)
                     ->excludes(container);
  AddParsedOption(app, "--pid", ParsePid, options.pid,
                  "One process, without the rest of its container")
      ->type_name("PID")
      ->group(kGroup)
      ->excludes(pod)
      ->excludes(container)
      ->excludes(cgroup);
}

v1::WorkloadSelector ToSelector(const SelectorOptions& options) {
  v1::WorkloadSelector selector;
  const bool is_id = absl::StrContains(options.container, "://") ||
                     (IsHex(options.container) && options.container.size() >= kShortIdLength);
  if (IsNamed(options.pod) && !is_id) {
    const std::vector<absl::string_view> names = absl::StrSplit(options.pod, '/');
    selector.set_resource_name(absl::StrCat("namespaces/", names[0], "/pods/", names[1],
                                            options.container.empty() ? "" : "/containers/",
                                            options.container));
  } else if (!options.pod.empty() && !IsNamed(options.pod)) {
    selector.mutable_pod()->set_uid(options.pod);
    selector.mutable_pod()->set_container_id(options.container);
  } else if (!options.container.empty()) {
    selector.set_container_id(options.container);
  } else if (!options.cgroup_path.empty()) {
    selector.set_cgroup_path(options.cgroup_path);
  } else if (options.pid != 0) {
    selector.set_pid(options.pid);
  }
  return selector;
}

}  // namespace numalocality::localityctl
