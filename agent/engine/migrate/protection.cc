#include "agent/engine/migrate/protection.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/policy_match.h"

namespace numalocality {
namespace {

// Longer than the repair loop takes to find a new container and have its names read.
constexpr absl::Duration kNamesDelay = absl::Seconds(3);
constexpr absl::Duration kPoll = absl::Milliseconds(100);

constexpr char kOverride[] = "or set override_protection (localityctl: --override-protection)";

absl::Status Refuse(const Workload& workload, absl::string_view rule, absl::string_view advice) {
  return absl::FailedPreconditionError(
      absl::StrCat(workload.ToString(), ": ", rule, "; ", advice, ", ", kOverride));
}

// A fact about a container that decides whether it is protected, and is not known.
struct MissingFact {
  std::string rule;  // empty: all facts are known
  std::string advice;
  bool may_come = false;  // a name source would know it, and may not have seen the container yet
};

constexpr char kCheckSources[] = "check the name sources with 'localityctl doctor', try again";

MissingFact FindMissing(const EngineContext& context, const ContainerDescription& description) {
  if (description.names.pod_namespace.empty() && !context.limits.protected_namespaces.empty()) {
    constexpr char kRule[] = "its namespace, which may be protected, is not known";
    if (context.names->ExpectsNames()) return {kRule, kCheckSources, true};
    return {};
  }
  if (!description.metadata.has_value() && context.names->ExpectsMetadata()) {
    return {"its pod's annotations, which may turn migrations off, are not known", kCheckSources,
            true};
  }
  return {};
}

absl::Status CheckContainer(const EngineContext& context, const Workload& workload,
                            absl::Duration known_by, absl::FunctionRef<bool()> is_cancelled) {
  ContainerDescription description = context.names->Describe(*workload.container);
  // The repair loop has the name sources read when it finds a container without a name.
  while (FindMissing(context, description).may_come && context.clock.Monotonic() < known_by) {
    if (is_cancelled()) return absl::CancelledError("the caller has cancelled");
    context.clock.Sleep(kPoll);
    description = context.names->Describe(*workload.container);
  }
  const auto& protected_namespaces = context.limits.protected_namespaces;
  const std::string& name_space = description.names.pod_namespace;
  if (std::find(protected_namespaces.begin(), protected_namespaces.end(), name_space) !=
      protected_namespaces.end()) {
    return Refuse(workload,
                  absl::StrCat("its namespace ", name_space,
                               " is in protectedNamespaces of the configuration"),
                  "leave it out");
  }
  if (IsTurnedOff(description)) {
    return Refuse(workload,
                  absl::StrCat("its pod has the annotation ", kPolicyAnnotation, ": \"off\""),
                  "leave it out");
  }
  const MissingFact missing = FindMissing(context, description);
  return missing.rule.empty() ? absl::OkStatus() : Refuse(workload, missing.rule, missing.advice);
}

}  // namespace

absl::Status CheckNotProtected(const EngineContext& context, const Workload& workload,
                               absl::Duration known_by, absl::FunctionRef<bool()> is_cancelled) {
  if (context.names == nullptr) return absl::OkStatus();
  if (workload.container.has_value()) {
    return CheckContainer(context, workload, known_by, is_cancelled);
  }
  if (workload.process.has_value()) return absl::OkStatus();
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> containers,
                      WorkloadFinder(context.host, context.names).FindAll());
  for (const Workload& container : containers) {
    if (!workload.HoldsCgroup(container.cgroup_path)) continue;
    NL_RETURN_IF_ERROR(CheckContainer(context, container, known_by, is_cancelled));
  }
  return absl::OkStatus();
}

absl::Duration KnownBy(const EngineContext& context, MigrationOrigin origin) {
  const absl::Duration now = context.clock.Monotonic();
  return origin == MigrationOrigin::kPolicy ? now : now + kNamesDelay;
}

}  // namespace numalocality
