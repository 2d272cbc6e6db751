#include "agent/engine/health/self_test.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/workload/name_directory.h"
#include "tests/unit/fake/fake_name_source.h"
#include "tests/unit/fake/fake_runtime.h"

namespace numalocality::self_test_test {
namespace {

// A host on which the first process and the test itself are known.
class SelfTestTest : public ::testing::Test {
 protected:
  SelfTestTest() {
    machine_.AddProcess(1);
    machine_.AddProcess(getpid());
    machine_.tree().Write("proc/self/status",
                          "CapEff:\t0000000000080004\nSeccomp:\t2\nMems_allowed_list:\t0\n");
    machine_.tree().Write("proc/self/ns/pid", "");
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
    machine_.tree().Write("proc/sys/kernel/numa_balancing", "1\n");
  }

  FakeMachine machine_;
  FakeRuntime runtime_{machine_, "/"};
};

TEST_F(SelfTestTest, ReportsWhatItFinds) {
  const auto status = RunSelfTest(machine_.context(), &runtime_);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->kernel.minor, 12);
  EXPECT_TRUE(status->privileges.effective.Has(Capability::kSysPtrace));
  EXPECT_EQ(status->privileges.seccomp, SeccompMode::kFilter);
  EXPECT_EQ(status->privileges.allowed_nodes, NodeSet{NodeId{0}});
  EXPECT_EQ(status->memory_nodes, (NodeSet{NodeId{0}, NodeId{1}}));
  EXPECT_TRUE(status->numa_balancing);
  EXPECT_TRUE(status->scan_method.has_value());
  ASSERT_TRUE(status->runtime.has_value());
  EXPECT_EQ(*status->runtime->answer, "fake v1");
}

TEST_F(SelfTestTest, ReportsTheKernelSettingsThatItCanRead) {
  const auto without = RunSelfTest(machine_.context(), nullptr);
  EXPECT_TRUE(without->security_modules.empty());
  EXPECT_EQ(without->huge_page_mode, "");
  machine_.tree().Write("sys/kernel/security/lsm", "capability,apparmor\n");
  machine_.tree().Write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
  const auto with = RunSelfTest(machine_.context(), nullptr);
  EXPECT_EQ(with->security_modules, (std::vector<std::string>{"capability", "apparmor"}));
  EXPECT_EQ(with->huge_page_mode, "always");
}

TEST_F(SelfTestTest, PodsCgroupsShowTheirDriver) {
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->cgroup_driver, "");
  const std::string id(64, 'a');
  machine_.AddCgroup("/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/" + id, {1});
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->cgroup_driver, "cgroupfs");
}

TEST_F(SelfTestTest, SystemdsCgroupsAreSlices) {
  const std::string id(64, 'a');
  machine_.AddCgroup(
      "/kubepods.slice/kubepods-pod01234567_cccc_dddd_eeee_ffff00001111.slice/"
      "cri-containerd-" +
          id + ".scope",
      {1});
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->cgroup_driver, "systemd");
}

TEST_F(SelfTestTest, AHostWithoutPodsYetHasCgroups) {
  EXPECT_TRUE(RunSelfTest(machine_.context(), nullptr)->cgroups.ok());
}

TEST_F(SelfTestTest, ReportsTheVersionOfCgroups) {
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->cgroup_version, CgroupVersion::kV2);
  machine_.UseCgroupV1(true);
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->cgroup_version, CgroupVersion::kV1);
  EXPECT_TRUE(RunSelfTest(machine_.context(), nullptr)->cgroups.ok());
  machine_.tree().Remove("sys/fs/cgroup/memory");
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->cgroup_version, std::nullopt);
  EXPECT_FALSE(RunSelfTest(machine_.context(), nullptr)->cgroups.ok());
}

TEST_F(SelfTestTest, AContainersOwnCgroupIsNotTheHosts) {
  machine_.WriteCgroupFile("/", "cgroup.events", "populated 1\n");
  const auto status = RunSelfTest(machine_.context(), nullptr);
  EXPECT_EQ(status->cgroups.code(), absl::StatusCode::kFailedPrecondition);
  // A Kubernetes node that is itself a container, as with kind, also has pods.
  machine_.AddCgroup("/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/" + std::string(64, 'a'));
  EXPECT_TRUE(RunSelfTest(machine_.context(), nullptr)->cgroups.ok());
}

TEST_F(SelfTestTest, ReportsTheStateOfTheConfiguration) {
  machine_.tree().Write("config.yaml", "");
  const ConfigurationSource source(
      machine_.tree().Path("config.yaml"), ConfigurationSource::Presence::kRequired,
      machine_.context().clock, [](absl::string_view) -> absl::StatusOr<Configuration> {
        return absl::InvalidArgumentError("line 1, column 1: no");
      });
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr, &source)->configuration.error,
            "line 1, column 1: no");
}

TEST_F(SelfTestTest, ReportsWhetherOtherUsersProcessesCanBeMoved) {
  machine_.kernel().FailAt(2, EPERM);  // after the call about the test itself
  const auto status = RunSelfTest(machine_.context(), nullptr);
  EXPECT_TRUE(status->move_pages.ok());
  EXPECT_EQ(status->others.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(RunSelfTest(machine_.context(), nullptr)->others.ok());
}

TEST_F(SelfTestTest, WithoutARuntimeThereIsNone) {
  EXPECT_FALSE(RunSelfTest(machine_.context(), nullptr)->runtime.has_value());
}

TEST_F(SelfTestTest, ReportsTheNameSources) {
  EXPECT_TRUE(RunSelfTest(machine_.context(), nullptr)->name_sources.empty());
  std::vector<std::unique_ptr<NameSource>> sources;
  sources.push_back(std::make_unique<FakeNameSource>("cri"));
  NameDirectory names(std::move(sources), Clock::System());
  EngineContext context = machine_.context();
  context.names = &names;
  ASSERT_EQ(RunSelfTest(context, nullptr)->name_sources.size(), 1u);
  EXPECT_TRUE(RunSelfTest(context, nullptr)->name_sources[0].IsAbsent());
  names.ReadAll();
  EXPECT_TRUE(RunSelfTest(context, nullptr)->name_sources[0].last_read.ok());
}

TEST_F(SelfTestTest, ARefusedSystemCallIsReported) {
  machine_.kernel().FailAll(FakeCall::kQuery, EPERM);
  const auto status = RunSelfTest(machine_.context(), nullptr);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_TRUE(absl::IsPermissionDenied(status->move_pages)) << status->move_pages;
}

TEST_F(SelfTestTest, WithoutTheFirstProcessNoScanMethodIsReported) {
  machine_.Exit(1);
  EXPECT_FALSE(RunSelfTest(machine_.context(), nullptr)->scan_method.has_value());
}

TEST_F(SelfTestTest, RootsOwnProcessDoesNotSpeakForThoseOfOthers) {
  EXPECT_NE(RunSelfTest(machine_.context(), nullptr)->scan_method, ScanMethod::kQuery);
  machine_.tree().Write("proc/self/status", "CapEff:\t0000000000080000\nMems_allowed_list:\t0\n");
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->scan_method, ScanMethod::kQuery);
}

TEST_F(SelfTestTest, WithoutPagemapMemoryIsFoundByQueries) {
  machine_.DenyPagemap(1);
  EXPECT_EQ(RunSelfTest(machine_.context(), nullptr)->scan_method, ScanMethod::kQuery);
}

}  // namespace
}  // namespace numalocality::self_test_test
