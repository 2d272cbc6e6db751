#include "agent/cli/localityctl/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_split.h"
#include "tests/unit/cli/parse.h"

namespace numalocality::localityctl::status_text_test {
namespace {

using ::testing::HasSubstr;

TEST(StatusTextTest, TellsWhatWorksWhatDoesNotAndWhatToDo) {
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
            "Seccomp              a filter\n"
            "Memory nodes         0-1, of which the agent may use 0\n"
            "Host's processes     yes\n"
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
            "note: By the way.\n"
            "  Or not.\n"
            "The agent cannot do its job.\n");
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
  EXPECT_THAT(text, HasSubstr("Pod log names        not there: /var/log\n"));
  EXPECT_THAT(text, HasSubstr("NUMA balancing       on\n"));
  EXPECT_THAT(text, HasSubstr("Configuration        no file, built-in defaults\n"));
  EXPECT_THAT(text, HasSubstr("WARNING: Beware.\n  Act.\nThe agent can do its job.\n"));
}

TEST(StatusTextTest, ARuntimeThatDoesNotAnswerIsTold) {
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

}  // namespace
}  // namespace numalocality::localityctl::status_text_test
