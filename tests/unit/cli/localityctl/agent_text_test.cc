// The agent's policies and status as people read them, and YAML.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_split.h"
#include "agent/cli/localityctl/doctor_command.h"
#include "agent/cli/localityctl/output.h"
#include "agent/cli/localityctl/policies_command.h"
#include "agent/cli/localityctl/words.h"
#include "agent/model/page_outcome.h"
#include "tests/unit/cli/parse.h"

namespace numalocality::localityctl::agent_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(EnumWordsTest, AreThoseOfTheModelOrTheNumber) {
  EXPECT_EQ(OutcomeWords(v1::PAGE_OUTCOME_NO_MEMORY), WordsOf(PageOutcome::kNoMemory));
  EXPECT_EQ(OutcomeWords(v1::PAGE_OUTCOME_UNSPECIFIED), "");
  EXPECT_EQ(OutcomeWords(static_cast<v1::PageOutcome>(99)), "99") << "of a newer agent";
  EXPECT_EQ(ReasonWord(static_cast<v1::MigrationReason>(99)), "99");
  EXPECT_EQ(QosWord(v1::QOS_CLASS_BEST_EFFORT), "BestEffort");
  EXPECT_EQ(StickModeWord(v1::STICK_MODE_CPUSET_MEMS), "cpuset-mems");
  EXPECT_EQ(AnnotationRuleWord(v1::ANNOTATION_RULE_NAMESPACE), "namespace");
}

TEST(PoliciesTextTest, HasARowForEachPolicyThenCommonSettings) {
  const auto policies = Parse<v1::GetPoliciesResponse>(R"pb(
    policies {
      name: "databases"
      namespaces: [ "prod", "staging" ]
      match_labels { key: "tier" value: "db" }
      match_labels { key: "app" value: "x" }
      qos_classes: [ QOS_CLASS_GUARANTEED, QOS_CLASS_BURSTABLE ]
      repairs: true
      min_local_fraction: 0.9
      min_remote_bytes: 67108864
      settle { seconds: 10 }
      cooldown { seconds: 300 }
      shared_pages: SHARING_RULE_OWNED
      page_cache: true
      stick: STICK_MODE_CPUSET_MEMS
      by_annotation: ANNOTATION_RULE_NAMESPACE
      limits {
        bandwidth_bytes_per_second: 1073741824
        max_call_time { nanos: 10000000 }
      }
    }
    policies {
      name: "host"
      cgroup_paths: "/system.slice/x.service"
      min_local_fraction: 0.955
      settle {}
      cooldown { seconds: 90 }
      limits { max_call_time { nanos: 500000 } }
    }
    policies { name: "rest" }
    bandwidth_bytes_per_second: 2147483648
    concurrent_migration_count: 2
    node_reserve: 0.02
    node_reserves { node_id: 1 bytes: 4294967296 }
    node_reserves { node_id: 2 fraction: 0.5 }
    reclaim_cache: 0.25
    period { seconds: 30 }
    local_distance: 10
    protected_namespaces: [ "kube-system", "infra" ]
    configuration {
      path: "/etc/a.yaml"
      load_time { seconds: 1700000000 }
    }
  )pb");
  EXPECT_EQ(
      PoliciesText(policies),
      R"(#   NAME        ACTION    REPAIR BELOW   IF REMOTE   SETTLE   COOLDOWN   BANDWIDTH   CALL TIME   SHARED   PAGE CACHE   STICK         BY ANNOTATION   SELECTS
1   databases   repair             90%    64.0 MiB      10s         5m   1.0 GiB/s        10ms   owned    yes          cpuset-mems   namespace       namespace prod,staging; label app=x,tier=db; class Guaranteed,Burstable
2   host        observe          95.5%         0 B        0      1m30s    no limit       500us   -        no           -             -               cgroup /system.slice/x.service
3   rest        observe             0%         0 B        0          0    no limit           0   -        no           -             -               all pods

All migrations: 2.0 GiB/s, 2 at a time, 2% of each node's memory is kept free, 4.0 GiB of node 1's, 50% of node 2's
25% of a node's clean inactive page cache counts as room
Reports: every 30s; memory is local up to distance 10
Protected namespaces: kube-system infra
Configuration: /etc/a.yaml, read 2023-11-14T22:13:20Z
)");
}

// A new field of the API must be set here, and shown.
TEST(PoliciesTextTest, ShowsEveryFieldOfAPolicy) {
  const auto policies = Parse<v1::GetPoliciesResponse>(R"pb(
    policies {
      name: "databases"
      namespaces: "prod"
      match_labels { key: "tier" value: "db" }
      qos_classes: QOS_CLASS_GUARANTEED
      cgroup_paths: "/a"
      repairs: true
      min_local_fraction: 0.9
      min_remote_bytes: 4096
      settle { seconds: 10 }
      cooldown { seconds: 300 }
      shared_pages: SHARING_RULE_OWNED
      page_cache: true
      stick: STICK_MODE_CPUSET_MEMS
      by_annotation: ANNOTATION_RULE_NAMESPACE
      limits { bandwidth_bytes_per_second: 4096 }
    }
  )pb");
  const auto* descriptor = v1::Policy::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    v1::GetPoliciesResponse without = policies;
    v1::Policy& policy = *without.mutable_policies(0);
    policy.GetReflection()->ClearField(&policy, descriptor->field(i));
    EXPECT_NE(PoliciesText(without), PoliciesText(policies)) << descriptor->field(i)->name();
  }
}

TEST(PoliciesTextTest, WithoutPoliciesItSaysSo) {
  const std::string text =
      PoliciesText(Parse<v1::GetPoliciesResponse>("concurrent_migration_count: 2"));
  EXPECT_THAT(text, StartsWith("No policies: the agent repairs nothing.\n\n"));
  EXPECT_THAT(text, HasSubstr("All migrations: no limit, 2 at a time"));
  EXPECT_THAT(text, HasSubstr("Protected namespaces: none\n"));
  EXPECT_THAT(text, HasSubstr("Configuration: no file, built-in defaults\n"));
}

TEST(PoliciesTextTest, ShowsTheErrorOfAFileThatIsNotInUse) {
  v1::ConfigurationStatus status;
  status.set_path("/etc/a.yaml");
  status.set_error("line 1, column 2: no");
  EXPECT_EQ(ConfigurationWords(status),
            "/etc/a.yaml, built-in defaults; NOT in use, as it has an error: line 1, column 2: no");
}

TEST(StatusTextTest, ShowsPropertiesFindingsAndAdvice) {
  const auto status = Parse<v1::GetStatusResponse>(R"pb(
    version: "0.1.0"
    scan_method: SCAN_METHOD_PRESENCE
    capabilities: "CAP_DAC_READ_SEARCH"
    capabilities: "CAP_SYS_PTRACE"
    seccomp_mode: SECCOMP_MODE_FILTER
    memory_node_ids: [ 0, 1 ]
    allowed_node_ids: 0
    kernel_release: "6.12.38-amd64"
    cgroup_version: 1
    pagemap_scan: true
    host_pid_namespace: true
    security_modules: "capability"
    security_modules: "apparmor"
    cgroup_driver: "systemd"
    transparent_huge_pages: "madvise"
    configuration {
      path: "/etc/a.yaml"
      load_time { seconds: 1700000000 nanos: 5 }
    }
    sources {
      name: "container runtime"
      address: "/run/containerd/containerd.sock"
      state: SOURCE_STATE_OK
      message: "containerd v1.6.20"
    }
    findings {
      severity: FINDING_SEVERITY_ERROR
      message: "No memory can be moved to node 1"
      advice: "Do something"
    }
    findings { severity: FINDING_SEVERITY_NOTE message: "By the way" advice: "Or not" }
  )pb");
  EXPECT_EQ(StatusText(status),
            "Agent                version 0.1.0\n"
            "Kernel               6.12.38-amd64\n"
            "Pages found by       presence\n"
            "Capabilities         CAP_DAC_READ_SEARCH CAP_SYS_PTRACE\n"
            "Seccomp              filter\n"
            "Memory nodes         0-1, of which the agent may use 0\n"
            "Host PID namespace   yes\n"
            "Security modules     capability apparmor\n"
            "cgroup version       1\n"
            "cgroup driver        systemd\n"
            "PAGEMAP_SCAN         yes\n"
            "NUMA balancing       off\n"
            "Huge pages           madvise\n"
            "Configuration        /etc/a.yaml, read 2023-11-14T22:13:20Z\n"
            "Container runtime    containerd v1.6.20 at /run/containerd/containerd.sock\n"
            "\n"
            "ERROR: No memory can be moved to node 1.\n"
            "  Do something.\n"
            "NOTE: By the way.\n"
            "  Or not.\n"
            "The agent cannot do its work.\n");
  EXPECT_FALSE(IsFit(status));
}

TEST(StatusTextTest, WarningsDoNotMakeItUnfit) {
  const auto status = Parse<v1::GetStatusResponse>(R"pb(
    numa_balancing: true
    sources { name: "container runtime" state: SOURCE_STATE_ABSENT }
    sources { name: "pod log names" address: "/var/log" state: SOURCE_STATE_ABSENT }
    findings { severity: FINDING_SEVERITY_WARNING message: "Beware" advice: "Act" }
  )pb");
  EXPECT_TRUE(IsFit(status));
  const std::string text = StatusText(status);
  EXPECT_THAT(text, HasSubstr("Container runtime    not configured\n"));
  EXPECT_THAT(text, HasSubstr("Pod log names        not found: /var/log\n"));
  EXPECT_THAT(text, HasSubstr("NUMA balancing       on\n"));
  EXPECT_THAT(text, HasSubstr("Configuration        no file, built-in defaults\n"));
  EXPECT_THAT(text, HasSubstr("WARNING: Beware.\n  Act.\nThe agent can do its work.\n"));
}

TEST(StatusTextTest, NamesARuntimeThatDoesNotAnswer) {
  EXPECT_THAT(StatusText(Parse<v1::GetStatusResponse>(R"pb(
                sources {
                  name: "container runtime"
                  address: "/run/x.sock"
                  state: SOURCE_STATE_ERROR
                  message: "refused"
                }
              )pb")),
              HasSubstr("does not answer at /run/x.sock\n"));
}

TEST(StatusTextTest, ManyCapabilitiesFitATerminal) {
  v1::GetStatusResponse status;
  for (int i = 0; i < 40; ++i) status.add_capabilities("CAP_CHECKPOINT_RESTORE");
  const std::string text = StatusText(status);
  EXPECT_THAT(text, HasSubstr("\n                     CAP_CHECKPOINT_RESTORE CAP_"));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) EXPECT_LE(line.size(), 100u);
}

TEST(JsonToYamlTest, NestsObjectsAndArrays) {
  EXPECT_EQ(
      JsonToYaml(R"({"a":1,"b":{"c":"x","d":[]},"e":[{"f":true,"g":[1,2]},{"h":{}}],"i":{}})"),
      "a: 1\n"
      "b:\n"
      "  c: \"x\"\n"
      "  d: []\n"
      "e:\n"
      "  - f: true\n"
      "    g:\n"
      "      - 1\n"
      "      - 2\n"
      "  - h: {}\n"
      "i: {}\n");
}

TEST(JsonToYamlTest, QuotesKeysThatYamlReadsAsOtherValues) {
  EXPECT_EQ(
      JsonToYaml(R"({"match_labels":{"yes":"1","1.5":"2","a/b: #c\"d":"3","Off":"4","tier":"5"}})"),
      R"(match_labels:
  "yes": "1"
  "1.5": "2"
  "a/b: #c\"d": "3"
  "Off": "4"
  tier: "5"
)");
}

TEST(JsonToYamlTest, KeepsStringsAsTheyAreWritten) {
  EXPECT_EQ(JsonToYaml(R"({"a":"say \"{,}[]:\" \\","b":"yes"})"),
            "a: \"say \\\"{,}[]:\\\" \\\\\"\nb: \"yes\"\n");
}

TEST(JsonToYamlTest, PrintsValuesThatAreNoObjects) {
  EXPECT_EQ(JsonToYaml("{}"), "{}\n");
  EXPECT_EQ(JsonToYaml("12"), "12\n");
  EXPECT_EQ(JsonToYaml("[1,null]"), "- 1\n- null\n");
  EXPECT_EQ(JsonToYaml("[[1],{\"a\":[2]}]"), "-\n  - 1\n- a:\n    - 2\n");
}

}  // namespace

}  // namespace numalocality::localityctl::agent_text_test
