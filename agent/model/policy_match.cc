#include "agent/model/policy_match.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace numalocality {
namespace {

enum class Fit { kNo, kYes, kUnknown };

template <typename List, typename Value>
bool Contains(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

Fit FitOfLabels(const PolicySelector& selector, const ContainerDescription& description) {
  if (selector.match_labels.empty()) return Fit::kYes;
  if (!description.metadata.has_value()) return Fit::kUnknown;
  const auto& labels = description.metadata->labels;
  const bool all =
      std::all_of(selector.match_labels.begin(), selector.match_labels.end(), [&](const auto& l) {
        const auto it = labels.find(l.first);
        return it != labels.end() && it->second == l.second;
      });
  return all ? Fit::kYes : Fit::kNo;
}

Fit FitOfNamespace(const PolicySelector& selector, const ContainerDescription& description) {
  if (selector.namespaces.empty()) return Fit::kYes;
  if (description.names.pod_namespace.empty()) return Fit::kUnknown;
  return Contains(selector.namespaces, description.names.pod_namespace) ? Fit::kYes : Fit::kNo;
}

Fit FitOfContainer(const PolicySelector& selector, const ContainerRef& container,
                   const ContainerDescription& description) {
  if (!selector.cgroup_paths.empty()) return Fit::kNo;
  if (!selector.qos_classes.empty() && !Contains(selector.qos_classes, container.qos)) {
    return Fit::kNo;
  }
  const Fit by_namespace = FitOfNamespace(selector, description);
  const Fit by_labels = FitOfLabels(selector, description);
  if (by_namespace == Fit::kNo || by_labels == Fit::kNo) return Fit::kNo;
  return by_namespace == Fit::kYes && by_labels == Fit::kYes ? Fit::kYes : Fit::kUnknown;
}

PolicyMatch None(RepairReason reason, std::string message) {
  return {nullptr, reason, std::move(message)};
}

PolicyMatch LabelsUnknown(absl::string_view what) {
  return None(RepairReason::kLabelsUnknown,
              absl::StrCat(what, " unknown: check the name sources with 'localityctl doctor'"));
}

// `policy`, unless it repairs and a fact that may forbid the repair is unknown.
PolicyMatch Apply(const Configuration& configuration, const LocalityPolicy& policy,
                  const ContainerDescription& description, bool metadata_expected) {
  if (policy.action == PolicyAction::kRepair) {
    if (description.names.pod_namespace.empty() && !configuration.protected_namespaces.empty()) {
      return LabelsUnknown("its namespace, which may be protected, is");
    }
    if (metadata_expected && !description.metadata.has_value()) {
      return LabelsUnknown("its annotations, which may turn repairs off, are");
    }
  }
  return {&policy, RepairReason::kRemote, ""};
}

// Whether the pod may have `policy`, which its annotation names.
Fit FitOfAnnotation(const LocalityPolicy& policy, const ContainerRef& container,
                    const ContainerDescription& description) {
  switch (policy.by_annotation) {
    case AnnotationRule::kAny: return Fit::kYes;
    case AnnotationRule::kNamespace: return FitOfNamespace(policy.selector, description);
    case AnnotationRule::kNone: break;
  }
  return FitOfContainer(policy.selector, container, description);
}

PolicyMatch MatchAnnotation(const Configuration& configuration, const std::string& name,
                            const ContainerRef& container, const ContainerDescription& description,
                            bool metadata_expected) {
  const LocalityPolicy* const policy = configuration.FindPolicy(name);
  if (policy == nullptr || !policy->selector.cgroup_paths.empty()) {
    return None(
        RepairReason::kUnknownPolicy,
        absl::StrCat("the pod's annotation names a policy that does not exist: '", name, "'"));
  }
  switch (FitOfAnnotation(*policy, container, description)) {
    case Fit::kYes: return Apply(configuration, *policy, description, metadata_expected);
    case Fit::kUnknown:
      return LabelsUnknown(absl::StrCat("the namespace or labels that policy '", name,
                                        "', which the pod's annotation names, needs are"));
    case Fit::kNo: break;
  }
  return None(RepairReason::kPolicyForbidden,
              absl::StrCat("the pod's annotation names policy '", name,
                           "', whose selector does not select the pod, and whose byAnnotation is '",
                           WordsOf(policy->by_annotation),
                           "'; remove the annotation, or change the policy"));
}

PolicyMatch MatchCgroup(const Configuration& configuration, const std::string& path) {
  for (const LocalityPolicy& policy : configuration.policies) {
    for (const std::string& above : policy.selector.cgroup_paths) {
      if (IsWithin(path, above)) return {&policy, RepairReason::kRemote, ""};
    }
  }
  return None(RepairReason::kObserved, "no policy selects this cgroup");
}

}  // namespace

bool IsTurnedOff(const ContainerDescription& description) {
  if (!description.metadata.has_value()) return false;
  const auto it = description.metadata->annotations.find(kPolicyAnnotation);
  return it != description.metadata->annotations.end() && it->second == "off";
}

PolicyMatch MatchPolicy(const Configuration& configuration, const Workload& workload,
                        const ContainerDescription& description, bool metadata_expected) {
  if (!workload.container.has_value()) return MatchCgroup(configuration, workload.cgroup_path);
  const std::string& name_space = description.names.pod_namespace;
  if (Contains(configuration.protected_namespaces, name_space)) {
    return None(RepairReason::kProtected, absl::StrCat("namespace ", name_space, " is protected"));
  }
  if (IsTurnedOff(description)) {
    return None(RepairReason::kOff,
                absl::StrCat("the pod's annotation ", kPolicyAnnotation, " turns repairs off"));
  }
  if (description.metadata.has_value()) {
    const auto it = description.metadata->annotations.find(kPolicyAnnotation);
    if (it != description.metadata->annotations.end()) {
      return MatchAnnotation(configuration, it->second, *workload.container, description,
                             metadata_expected);
    }
  }
  for (const LocalityPolicy& policy : configuration.policies) {
    const Fit fit = FitOfContainer(policy.selector, *workload.container, description);
    if (fit == Fit::kNo) continue;
    if (fit == Fit::kUnknown) {
      return LabelsUnknown(
          absl::StrCat("the namespace or labels that policy '", policy.name, "' selects by are"));
    }
    return Apply(configuration, policy, description, metadata_expected);
  }
  return None(RepairReason::kObserved, "no policy selects this container");
}

}  // namespace numalocality
