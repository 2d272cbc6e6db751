#include "agent/engine/health/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <string>

namespace numalocality::findings_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

uint64_t Bit(Capability capability) { return uint64_t{1} << static_cast<int>(capability); }

constexpr char kAnswer[] = "containerd v1";

// Of an agent that lacks nothing.
AgentStatus Perfect() {
  AgentStatus status;
  status.kernel = {"6.12.0", 6, 12};
  status.privileges.effective = CapabilitySet(
      Bit(Capability::kSysPtrace) | Bit(Capability::kDacReadSearch) | Bit(Capability::kSysNice));
  status.privileges.allowed_nodes = status.memory_nodes = {NodeId{0}, NodeId{1}};
  status.scan_method = ScanMethod::kPresence;
  status.pagemap_scan = true;
  status.cgroup_version = CgroupVersion::kV2;
  status.changes = absl::OkStatus();
  status.device_plugin = SourceStatus{"device plugin", "device_plugin", "/", absl::OkStatus()};
  status.runtime = RuntimeStatus{"/run/runtime.sock", std::string(kAnswer)};
  for (const char* id : {"cri", "pod_resources", "kubelet_state", "pod_logs"}) {
    status.name_sources.push_back({id, id, "/", absl::OkStatus()});
  }
  return status;
}

TEST(FindingsTest, NoneForAnAgentThatLacksNothing) {
  EXPECT_THAT(FindingsOf(Perfect()), IsEmpty());
}

// One thing that is wrong, and the one finding it is to make.
struct Flaw {
  std::string name;
  std::function<void(AgentStatus&)> make;
  Severity severity;
  std::string words;
};

void PrintTo(const Flaw& flaw, std::ostream* out) { *out << flaw.name; }

class FlawTest : public ::testing::TestWithParam<Flaw> {};

TEST_P(FlawTest, IsFoundAndComesWithAdvice) {
  AgentStatus status = Perfect();
  GetParam().make(status);
  const auto findings = FindingsOf(status);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].severity, GetParam().severity);
  EXPECT_THAT(findings[0].message, HasSubstr(GetParam().words));
  EXPECT_FALSE(findings[0].advice.empty());
  EXPECT_THAT(findings[0].code, MatchesRegex("[a-z_]+"));
}

INSTANTIATE_TEST_SUITE_P(
    All, FlawTest,
    testing::Values(
        Flaw{"Seccomp",
             [](AgentStatus& s) {
               s.privileges.seccomp = SeccompMode::kFilter;
               s.move_pages = absl::PermissionDeniedError("move_pages: not permitted");
             },
             Severity::kError, "by the seccomp filter"},
        Flaw{"Ptrace",
             [](AgentStatus& s) {
               s.privileges.effective = CapabilitySet(Bit(Capability::kSysNice));
               s.scan_method = ScanMethod::kQuery;
             },
             Severity::kError, "CAP_SYS_PTRACE"},
        Flaw{"Pagemap",
             [](AgentStatus& s) {
               s.privileges.effective =
                   CapabilitySet(Bit(Capability::kSysPtrace) | Bit(Capability::kSysNice));
               s.scan_method = ScanMethod::kQuery;
             },
             Severity::kWarning, "CAP_DAC_READ_SEARCH is missing"},
        Flaw{"SecurityModule", [](AgentStatus& s) { s.scan_method = ScanMethod::kQuery; },
             Severity::kWarning, "security module"},
        Flaw{
            "StalledCall",
            [](AgentStatus& s) {
              s.stalled_calls.push_back({"report of prod/db-0/mysql",
                                         "a read of the pages of process 7",
                                         absl::UnixEpoch() + absl::Hours(3)});
            },
            Severity::kWarning,
            "report of prod/db-0/mysql makes no progress: a read of the pages of process 7 has not "
            "returned from the kernel since 03:00:00 UTC"},
        Flaw{"Nice",
             [](AgentStatus& s) {
               s.privileges.effective = CapabilitySet(Bit(Capability::kSysPtrace));
             },
             Severity::kNote, "CAP_SYS_NICE"},
        Flaw{"Cpuset", [](AgentStatus& s) { s.privileges.allowed_nodes = {NodeId{0}}; },
             Severity::kError, "moved to node 1: the agent's own cpuset allows node 0"},
        Flaw{"NotTheHostsCgroups",
             [](AgentStatus& s) { s.cgroups = absl::FailedPreconditionError("own cgroup only"); },
             Severity::kError, "No container can be found: own cgroup only"},
        Flaw{"AppArmor",
             [](AgentStatus& s) {
               s.others = absl::PermissionDeniedError("move_pages on process 1: no");
               s.privileges.security_label = "docker-default (enforce)";
             },
             Severity::kError,
             "process 1: no; a security module denies it to docker-default (enforce)"},
        Flaw{"PidNamespace", [](AgentStatus& s) { s.privileges.in_host_pid_namespace = false; },
             Severity::kWarning, "PID namespace"},
        Flaw{"OnlyPod", [](AgentStatus& s) { s.only_pod = "8c7f"; }, Severity::kNote,
             "Only the agent's own pod, 8c7f"},
        Flaw{"Balancing", [](AgentStatus& s) { s.numa_balancing = true; }, Severity::kWarning,
             "balancing"},
        Flaw{"NoConfigurationFile", [](AgentStatus& s) { s.configuration.path = "/etc/c.yaml"; },
             Severity::kNote, "no configuration file /etc/c.yaml"},
        Flaw{"WrongConfiguration",
             [](AgentStatus& s) {
               s.configuration = {"/etc/c.yaml", absl::UnixEpoch(), "line 3, column 5: no"};
             },
             Severity::kWarning,
             "/etc/c.yaml is not used; the agent keeps the previous configuration: line 3, column "
             "5: no"},
        Flaw{"NoConfiguration", [](AgentStatus& s) { s.configuration.error = "no such file"; },
             Severity::kError, "repairs nothing, and uses the built-in defaults: no such file"},
        Flaw{"OnlyValidSections",
             [](AgentStatus& s) {
               s.configuration.error = "line 3, column 5: no";
               s.configuration.only_valid_sections = true;
             },
             Severity::kError,
             "repairs nothing, and uses only those of its sections that were valid"},
        Flaw{"ReadAtTheStartOnly",
             [](AgentStatus& s) {
               s.configuration = {"/etc/c.yaml", absl::UnixEpoch(), "", {"localDistance", "x.y"}};
             },
             Severity::kWarning, "reads them at its start: localDistance, x.y"},
        Flaw{"NoWatches",
             [](AgentStatus& s) { s.changes = absl::ResourceExhaustedError("no watch left"); },
             Severity::kWarning, "noticed only once per period: no watch left"},
        Flaw{"OldKernel",
             [](AgentStatus& s) {
               s.kernel = {"6.1.0", 6, 1};
             },
             Severity::kNote, "6.1.0 flushes TLBs"},
        Flaw{"NoPagemapScan", [](AgentStatus& s) { s.pagemap_scan = false; }, Severity::kNote,
             "PAGEMAP_SCAN"},
        Flaw{"NoLabels", [](AgentStatus& s) { s.name_sources.erase(s.name_sources.begin()); },
             Severity::kNote, "Labels and annotations of pods are not known"},
        Flaw{"NoAssignments",
             [](AgentStatus& s) {
               s.name_sources[1].last_read = absl::NotFoundError("no socket");
               s.name_sources[2].last_read = absl::NotFoundError("no file");
             },
             Severity::kNote, "kubelet has assigned to containers are not known"},
        Flaw{"NoDevicePlugin",
             [](AgentStatus& s) { s.device_plugin->last_read = absl::NotFoundError("no kubelet"); },
             Severity::kWarning, "by the resource numa-locality.io/self: no kubelet"},
        Flaw{"DeadSource",
             [](AgentStatus& s) { s.name_sources[1].last_read = absl::UnavailableError("away"); },
             Severity::kWarning, "may be out of date: cannot read pod_resources: away"},
        Flaw{"NoRuntime", [](AgentStatus& s) { s.runtime.reset(); }, Severity::kNote,
             "no container runtime is configured"},
        Flaw{"DeadRuntime",
             [](AgentStatus& s) { s.runtime->answer = absl::UnavailableError("nobody there"); },
             Severity::kWarning, "(stick): nobody there"}),
    [](const testing::TestParamInfo<Flaw>& param) { return param.param.name; });

TEST(FindingsTest, AdvisesHowToGetPastASecurityModule) {
  const auto advice = [](const char* label) {
    AgentStatus status = Perfect();
    status.others = absl::PermissionDeniedError("no");
    status.privileges.security_label = label;
    return FindingsOf(status).front().advice;
  };
  EXPECT_THAT(advice("cri-containerd.apparmor.d (enforce)"), testing::HasSubstr("Unconfined"));
  EXPECT_THAT(advice("system_u:system_r:container_t:s0:c1,c2"), testing::HasSubstr("spc_t"));
  EXPECT_THAT(advice("unconfined"), testing::HasSubstr("audit log"));
  EXPECT_THAT(advice(""), testing::HasSubstr("audit log"));
}

// Of Linux 6.1 to 6.5 with automatic NUMA balancing.
TEST(FindingsTest, PagesThatBalancingHasMarkedAreHidden) {
  const auto hides_pages = [](const char* text, int minor, bool balancing) {
    AgentStatus status = Perfect();
    status.kernel = {text, 6, minor};
    status.numa_balancing = balancing;
    const auto findings = FindingsOf(status);
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
      return finding.message.find("marked are not moved") != std::string::npos &&
             finding.message.find(text) != std::string::npos &&
             finding.advice.find("kernel.numa_balancing=0") != std::string::npos;
    });
  };
  EXPECT_FALSE(hides_pages("6.0.9", 0, true));
  EXPECT_TRUE(hides_pages("6.1.0", 1, true));
  EXPECT_TRUE(hides_pages("6.5.7", 5, true));
  EXPECT_FALSE(hides_pages("6.6.0", 6, true));
  EXPECT_FALSE(hides_pages("6.1.0", 1, false));
}

TEST(FindingsTest, NamesComeFromTheRuntimeOrFromLogs) {
  AgentStatus status = Perfect();
  status.name_sources[3].last_read = absl::NotFoundError("no directory");
  EXPECT_THAT(FindingsOf(status), IsEmpty());
  status.name_sources.erase(status.name_sources.begin());
  const auto findings = FindingsOf(status);
  ASSERT_THAT(findings, SizeIs(2)) << "labels, and ...";
  EXPECT_THAT(findings[1].message, HasSubstr("Names of pods are not known"));
}

TEST(FindingsTest, TheWorstComesFirst) {
  AgentStatus status = Perfect();
  status.pagemap_scan = false;
  status.numa_balancing = true;
  status.cgroups = absl::FailedPreconditionError("none");
  const auto findings = FindingsOf(status);
  ASSERT_THAT(findings, SizeIs(3));
  EXPECT_EQ(findings[0].severity, Severity::kError);
  EXPECT_EQ(findings[1].severity, Severity::kWarning);
  EXPECT_EQ(findings[2].severity, Severity::kNote);
}

}  // namespace
}  // namespace numalocality::findings_test
