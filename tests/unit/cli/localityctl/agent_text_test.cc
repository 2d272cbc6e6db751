// The agent's configuration and status as people read them, and YAML.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_split.h"
#include "agent/cli/localityctl/doctor_command.h"
#include "agent/cli/localityctl/output.h"
#include "agent/cli/localityctl/policies_command.h"
#include "agent/cli/localityctl/words.h"
#include "agent/config/parse_configuration.h"
#include "agent/model/page_outcome.h"
#include "tests/unit/cli/parse.h"
#include "tests/unit/fake/policy_fields.h"

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
}

v1::GetConfigurationResponse Shown(const Configuration& configuration) {
  v1::GetConfigurationResponse response;
  const auto read = google::protobuf::util::JsonStringToMessage(ToJson(configuration),
                                                                response.mutable_settings());
  EXPECT_TRUE(read.ok()) << read.ToString();
  return response;
}

v1::GetConfigurationResponse Shown(const std::string& file) {
  const auto configuration = ParseConfiguration(file);
  EXPECT_TRUE(configuration.ok()) << configuration.status();
  v1::GetConfigurationResponse response = Shown(configuration.value_or(Configuration()));
  response.mutable_status()->set_path("/etc/a.yaml");
  response.mutable_status()->mutable_load_time()->set_seconds(1700000000);
  return response;
}

TEST(PoliciesTextTest, HasARowForEachPolicyThenCommonSettings) {
  EXPECT_EQ(
      PoliciesText(Shown(R"(
policies:
- name: databases
  selector:
    namespaces: [prod, staging]
    matchLabels: {tier: db, app: x}
    qosClasses: [Guaranteed, Burstable]
  action: repair
  shared: owned
  pageCache: true
  stick: cpuset-mems
  byAnnotation: namespace
  limits: {bandwidth: 1Gi}
- name: host
  selector: {cgroupPaths: [/system.slice/x.service]}
  minLocalFraction: 0.955
  minRemoteBytes: 0
  settle: 0
  cooldown: 90s
  limits: {maxCallTime: 500us}
- name: rest
limits: {nodeReserve: {10: 0.5, 2: 4Gi}}
protectedNamespaces: [kube-system, infra]
)")),
      R"(#   NAME        ACTION    REPAIR BELOW   IF REMOTE   SETTLE   COOLDOWN   BANDWIDTH   CALL TIME   SHARED   PAGE CACHE   STICK         BY ANNOTATION   SELECTS
1   databases   repair             90%        64Mi      10s         5m       1Gi/s        10ms   owned    yes          cpuset-mems   namespace       namespace prod,staging; label app=x,tier=db; class Guaranteed,Burstable
2   host        observe          95.5%           0        0      1m30s    no limit       500us   never    no           none          none            cgroup /system.slice/x.service
3   rest        observe            90%        64Mi      10s         5m    no limit        10ms   never    no           none          none            all pods

All migrations: 2Gi/s, 2 at a time, 2% of each node's memory is kept free, 4Gi of node 2's, 50% of node 10's
25% of a node's clean inactive page cache counts as room
Reports: every 30s; memory is local up to distance 10
Protected namespaces: kube-system,infra
Configuration: /etc/a.yaml, read 2023-11-14T22:13:20Z
)");
}

TEST(PoliciesTextTest, ShowsEveryFieldOfAPolicy) {
  Configuration configuration;
  configuration.policies.emplace_back();
  const std::string defaults = PoliciesText(Shown(configuration));
  for (const auto& [name, policy] : PoliciesWithOneChange()) {
    configuration.policies = {policy};
    EXPECT_NE(PoliciesText(Shown(configuration)), defaults) << name;
  }
}

TEST(PoliciesTextTest, WithoutPoliciesItSaysSo) {
  Configuration configuration;
  configuration.limits.bytes_per_second = 0;
  configuration.protected_namespaces = {};
  const std::string text = PoliciesText(Shown(configuration));
  EXPECT_THAT(text, StartsWith("No policies: the agent repairs nothing.\n\n"));
  EXPECT_THAT(text, HasSubstr("All migrations: no limit, 2 at a time"));
  EXPECT_THAT(text, HasSubstr("Protected namespaces: none\n"));
  EXPECT_THAT(text, HasSubstr("Configuration: no file, built-in defaults\n"));
}

TEST(ConfigurationTextTest, IsAFileOfTheSameConfiguration) {
  constexpr char kFile[] = R"(
policies: [{name: a, selector: {matchLabels: {"1.5": "yes", "x \"y\"": "\\ \u00e9"}}}]
localDistance: 20
)";
  v1::GetConfigurationResponse shown = Shown(kFile);
  shown.mutable_status()->set_error("line 1, column 2: no");
  shown.mutable_status()->add_restart_keys("localDistance");
  const std::string text = ConfigurationText(shown);
  EXPECT_THAT(text, StartsWith("# /etc/a.yaml, read 2023-11-14T22:13:20Z; NOT in use, as it has an "
                               "error: line 1, column 2: no\n"
                               "# In force after a restart of the agent: localDistance\n"
                               "api:\n  clients: []\nhttp:\n  address: \"\"\n"));
  const auto read = ParseConfiguration(text);
  ASSERT_TRUE(read.ok()) << read.status() << text;
  EXPECT_EQ(*read, *ParseConfiguration(kFile));
}

TEST(PoliciesTextTest, ShowsTheErrorOfAFileThatIsNotInUse) {
  v1::ConfigurationStatus status;
  status.set_path("/etc/a.yaml");
  status.set_error("line 1, column 2: no");
  EXPECT_EQ(ConfigurationWords(status),
            "/etc/a.yaml, built-in defaults; NOT in use, as it has an error: line 1, column 2: no");
  status.set_only_valid_sections(true);
  EXPECT_EQ(ConfigurationWords(status),
            "/etc/a.yaml, only sections that were valid when the agent started; it has an error: "
            "line 1, column 2: no");
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
