#include "agent/model/policy_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace numalocality::policy_match_test {
namespace {

using ::testing::HasSubstr;

LocalityPolicy Policy(const std::string& name, PolicyAction action, PolicySelector selector) {
  LocalityPolicy policy;
  policy.name = name;
  policy.action = action;
  policy.selector = std::move(selector);
  return policy;
}

// A container of the pod prod/db-0, tier db, Burstable; and four policies.
struct Situation {
  Situation() {
    constexpr auto kRepair = PolicyAction::kRepair;
    configuration.policies = {
        Policy("guaranteed", kRepair, {{}, {}, {QosClass::kGuaranteed}, {}}),
        Policy("databases", kRepair, {{"prod", "test"}, {{"tier", "db"}}, {}, {}}),
        Policy("plain", kRepair, {{}, {}, {}, {"/system.slice/postgresql.service"}}),
        Policy("rest", PolicyAction::kObserve, {})};
    workload.container.emplace();
    workload.container->qos = QosClass::kBurstable;
    description.names = {"prod", "db-0", "mysql"};
    description.metadata = PodMetadata{{{"tier", "db"}, {"app", "shop"}}, {}};
  }

  void Annotate(const std::string& value) {
    description.metadata->annotations[kPolicyAnnotation] = value;
  }
  void BeCgroup(const std::string& path) {
    workload.container.reset();
    workload.cgroup_path = path;
    description = {};
  }

  Configuration configuration;
  Workload workload;
  ContainerDescription description;
  bool metadata_expected = true;
};

struct Case {
  std::string name;
  std::function<void(Situation&)> arrange;
  std::string policy;                           // empty: none ...
  RepairReason reason = RepairReason::kRemote;  // ... as this says
  std::string words = "";
};

void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }

class PolicyMatchTest : public ::testing::TestWithParam<Case> {};

TEST_P(PolicyMatchTest, IsTheOneThatApplies) {
  Situation situation;
  GetParam().arrange(situation);
  const PolicyMatch match = MatchPolicy(situation.configuration, situation.workload,
                                        situation.description, situation.metadata_expected);
  EXPECT_EQ(match.policy == nullptr ? "" : match.policy->name, GetParam().policy);
  if (match.policy != nullptr) return;
  EXPECT_EQ(KeyOf(match.reason), KeyOf(GetParam().reason));
  EXPECT_THAT(match.message, HasSubstr(GetParam().words));
}

constexpr auto kUnknown = RepairReason::kLabelsUnknown;

INSTANTIATE_TEST_SUITE_P(
    All, PolicyMatchTest,
    ::testing::Values(
        Case{"AllThatIsGivenMatches", [](Situation&) {}, "databases"},
        Case{"TheFirstThatMatches",
             [](Situation& s) { s.workload.container->qos = QosClass::kGuaranteed; }, "guaranteed"},
        Case{"OneOfSeveralNamespaces",
             [](Situation& s) { s.description.names.pod_namespace = "test"; }, "databases"},
        Case{"AnotherNamespace", [](Situation& s) { s.description.names.pod_namespace = "dev"; },
             "rest"},
        Case{"AnotherLabel", [](Situation& s) { s.description.metadata->labels["tier"] = "web"; },
             "rest"},
        Case{"NoLabels", [](Situation& s) { s.description.metadata->labels.clear(); }, "rest"},
        Case{"NoneMatches", [](Situation& s) {
               s.configuration.policies.pop_back();
               s.description.names.pod_namespace = "dev";
             }, "", RepairReason::kObserved, "no policy selects this container"},
        Case{"NoPolicies", [](Situation& s) { s.configuration.policies.clear(); }, "",
             RepairReason::kObserved, "no policy selects this container"},

        Case{"Off", [](Situation& s) { s.Annotate("off"); }, "", RepairReason::kOff, "turns repairs off"},
        Case{"OffAlwaysWorks", [](Situation& s) {
               s.configuration.policies[1].by_annotation = AnnotationRule::kAny;
               s.Annotate("off");
             }, "", RepairReason::kOff, "turns repairs off"},
        Case{"NamedBeyondItsSelector", [](Situation& s) { s.Annotate("guaranteed"); }, "",
             RepairReason::kPolicyForbidden, "byAnnotation is 'none'"},
        Case{"NamedAsAnyPodMay", [](Situation& s) {
               s.configuration.policies[0].by_annotation = AnnotationRule::kAny;
               s.Annotate("guaranteed");
             }, "guaranteed"},
        Case{"NamedInItsNamespaceWithOtherLabels", [](Situation& s) {
               s.configuration.policies[1].by_annotation = AnnotationRule::kNamespace;
               s.description.metadata->labels.clear();
               s.Annotate("databases");
             }, "databases"},
        Case{"NamedInAnotherNamespace", [](Situation& s) {
               s.configuration.policies[1].by_annotation = AnnotationRule::kNamespace;
               s.description.names.pod_namespace = "dev";
               s.Annotate("databases");
             }, "", RepairReason::kPolicyForbidden, "byAnnotation is 'namespace'"},
        Case{"NamedWithOtherLabels", [](Situation& s) {
               s.description.metadata->labels.clear();
               s.Annotate("databases");
             }, "", RepairReason::kPolicyForbidden, "'databases'"},
        Case{"NamedWhatItsSelectorSelectsToo", [](Situation& s) { s.Annotate("databases"); },
             "databases"},
        Case{"NamedWithoutALaterMatch", [](Situation& s) { s.Annotate("rest"); }, "rest"},
        Case{"NamedUnknown", [](Situation& s) { s.Annotate("databses"); }, "",
             RepairReason::kUnknownPolicy, "'databses'"},
        Case{"NamedEmpty", [](Situation& s) { s.Annotate(""); }, "", RepairReason::kUnknownPolicy,
             "''"},
        Case{"NamedOneForCgroups", [](Situation& s) { s.Annotate("plain"); }, "",
             RepairReason::kUnknownPolicy, "'plain'"},

        Case{"Protected", [](Situation& s) { s.description.names.pod_namespace = "kube-system"; },
             "", RepairReason::kProtected, "kube-system"},
        Case{"ProtectedInSpiteOfItsAnnotation", [](Situation& s) {
               s.description.names.pod_namespace = "kube-system";
               s.Annotate("databases");
             }, "", RepairReason::kProtected, "kube-system"},
        Case{"AnnotatedInANamespaceThatIsNotKnown", [](Situation& s) {
               s.description.names = {};
               s.Annotate("databases");
             }, "", kUnknown, "'databases', which the pod's annotation names"},

        Case{"LabelsUnknown", [](Situation& s) { s.description.metadata.reset(); }, "", kUnknown,
             "'databases'"},
        Case{"LabelsUnknownAndNoneExpected", [](Situation& s) {
               s.description.metadata.reset();
               s.metadata_expected = false;
             }, "", kUnknown, "'databases'"},
        // The known facts are enough to exclude the policy.
        Case{"LabelsUnknownInAnotherNamespace", [](Situation& s) {
               s.description.metadata.reset();
               s.description.names.pod_namespace = "dev";
             }, "rest"},
        Case{"NamespaceUnknownWithAnotherLabel", [](Situation& s) {
               s.description.names = {};
               s.description.metadata->labels.clear();
             }, "rest"},
        Case{"NamespaceUnknown", [](Situation& s) { s.description.names = {}; }, "", kUnknown,
             "'databases'"},
        Case{"QosNeedsNoLabelsButTheAnnotationMaySayOff", [](Situation& s) {
               s.workload.container->qos = QosClass::kGuaranteed;
               s.description.metadata.reset();
             }, "", kUnknown, "annotations"},
        Case{"QosWithoutASourceOfAnnotations", [](Situation& s) {
               s.workload.container->qos = QosClass::kGuaranteed;
               s.description.metadata.reset();
               s.metadata_expected = false;
             }, "guaranteed"},
        Case{"QosInANamespaceThatMayBeProtected", [](Situation& s) {
               s.workload.container->qos = QosClass::kGuaranteed;
               s.description = {};
               s.metadata_expected = false;
             }, "", kUnknown, "may be protected"},
        Case{"QosWithNothingProtected", [](Situation& s) {
               s.workload.container->qos = QosClass::kGuaranteed;
               s.description = {};
               s.metadata_expected = false;
               s.configuration.protected_namespaces.clear();
             }, "guaranteed"},
        // The policy moves nothing, so unknown facts make no difference.
        Case{"ObservingNeedsNothing", [](Situation& s) {
               s.configuration.policies.erase(s.configuration.policies.begin() + 1);
               s.description = {};
             }, "rest"},

        Case{"Cgroup", [](Situation& s) { s.BeCgroup("/system.slice/postgresql.service"); },
             "plain"},
        Case{"CgroupBelow",
             [](Situation& s) { s.BeCgroup("/system.slice/postgresql.service/worker"); }, "plain"},
        Case{"CgroupBeside", [](Situation& s) { s.BeCgroup("/system.slice/postgresql.service2"); },
             "", RepairReason::kObserved, "no policy selects this cgroup"},
        Case{"CgroupAbove", [](Situation& s) { s.BeCgroup("/system.slice"); }, "",
             RepairReason::kObserved, "no policy selects this cgroup"},
        Case{"CgroupsOfTheRoot", [](Situation& s) {
               s.configuration.policies[2].selector.cgroup_paths = {"/"};
               s.BeCgroup("/any");
             }, "plain"}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace numalocality::policy_match_test
