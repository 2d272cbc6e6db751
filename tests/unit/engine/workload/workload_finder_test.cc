#include "agent/engine/workload/workload_finder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/engine/workload/name_directory.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/fake_name_source.h"

namespace numalocality::workload_finder_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
constexpr char kUid_[] = "01234567_cccc_dddd_eeee_ffff00001111";
constexpr char kOtherUid[] = "89abcdef-cccc-dddd-eeee-ffff00002222";

std::string Id(char digit) { return std::string(64, digit); }

class WorkloadFinderTest : public ::testing::Test {
 protected:
  static WorkloadSelector Pod(const std::string& uid) { return {uid, {}, {}, {}}; }
  static WorkloadSelector Container(const std::string& id) { return {{}, id, {}, {}}; }
  static WorkloadSelector Cgroup(const std::string& path) { return {{}, {}, path, {}}; }
  static WorkloadSelector Process(pid_t pid) { return {{}, {}, {}, pid}; }

  Workload FindOne(const WorkloadSelector& selector) {
    const auto found = finder_.Find(selector);
    EXPECT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->size(), 1u);
    return found->front();
  }
  absl::StatusCode FindError(const WorkloadSelector& selector) {
    return finder_.Find(selector).status().code();
  }

  FakeMachine machine_;
  const WorkloadFinder finder_{machine_.host()};
};

TEST_F(WorkloadFinderTest, FindsEveryLayoutInOneTree) {
  const std::string burstable = absl::StrCat(
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod", kUid_, ".slice");
  const std::vector<std::string> containers = {
      absl::StrCat("/kubelet/kubepods/burstable/pod", kUid, "/", Id('a')),
      absl::StrCat(burstable, "/crio-", Id('b'), ".scope"),
      absl::StrCat(burstable, "/cri-containerd-", Id('c'), ".scope"),
      absl::StrCat("/kubepods/pod", kOtherUid, "/", Id('d')),
      absl::StrCat("/system.slice/containerd.service/kubepods-besteffort-pod", kUid_,
                   ".slice:cri-containerd:", Id('e')),
  };
  for (const std::string& path : containers) machine_.AddCgroup(path);
  machine_.AddCgroup(containers[1] + "/container");
  machine_.AddCgroup(containers[2] + "/system.slice/docker-" + Id('f') + ".scope");
  machine_.AddCgroup(containers[2] + "/kubepods/pod" + kOtherUid + "/" + Id('0'));
  machine_.AddCgroup(burstable + "/crio-" + Id('9'));  // a sandbox without a process
  machine_.AddCgroup(burstable + "/crio-conmon-" + Id('b') + ".scope");  // its monitor
  machine_.AddCgroup("/system.slice/docker-" + Id('7') + ".scope");
  machine_.AddCgroup("/user.slice/user-0.slice/session-1.scope");

  const auto found = finder_.FindAll();
  ASSERT_TRUE(found.ok()) << found.status();
  std::vector<std::string> host;
  for (const Workload& workload : *found) {
    host.push_back(workload.cgroup_path);
    EXPECT_TRUE(workload.container.has_value());
    EXPECT_NE(workload.cgroup_id, 0u);
  }
  EXPECT_THAT(host, ::testing::UnorderedElementsAreArray(containers));
}

TEST_F(WorkloadFinderTest, APodIsAllItsContainers) {
  const std::string pod = absl::StrCat("/kubepods/pod", kUid, "/");
  machine_.AddCgroup(pod + Id('a'));
  machine_.AddCgroup(pod + Id('b'));
  machine_.AddCgroup(absl::StrCat("/kubepods/pod", kOtherUid, "/", Id('c')));
  EXPECT_EQ(finder_.Find(Pod(kUid))->size(), 2u);
  EXPECT_EQ(finder_.Find(Pod(kUid_))->size(), 2u);
  EXPECT_EQ(FindError(Pod("00000000-cccc-dddd-eeee-ffff00001111")), absl::StatusCode::kNotFound);
  WorkloadSelector one = Pod(kUid);
  one.container_id = Id('b');
  EXPECT_EQ(FindOne(one).cgroup_path, pod + Id('b'));
  one.container_id = Id('c');
  EXPECT_EQ(FindError(one), absl::StatusCode::kNotFound);
}

TEST_F(WorkloadFinderTest, AContainerIdMayBeShortButNotAmbiguous) {
  const std::string first = Id('a').substr(0, 60) + "0000";
  const std::string second = Id('a').substr(0, 60) + "1111";
  machine_.AddCgroup(absl::StrCat("/kubepods/pod", kUid, "/", first));
  machine_.AddCgroup(absl::StrCat("/kubepods/pod", kUid, "/", second));
  EXPECT_EQ(FindOne(Container(first)).container->container_id, first);
  EXPECT_EQ(FindOne(Container("containerd://" + second)).container->container_id, second);
  EXPECT_EQ(FindError(Container("aaaaaaaaaaaa")), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindError(Container("aaaaaaa")), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindError(Container("bbbbbbbbbbbb")), absl::StatusCode::kNotFound);
}

TEST_F(WorkloadFinderTest, SelectorsNameOneThing) {
  machine_.AddCgroup("/a");
  EXPECT_EQ(FindError({}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindError({kUid, {}, "/a", {}}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindError({{}, {}, "/a", 1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindError({{}, Id('a'), {}, 1}), absl::StatusCode::kInvalidArgument);
}

// Workloads whose pod's names one source knows, beside a pod without any.
class NamedWorkloadTest : public WorkloadFinderTest {
 protected:
  NamedWorkloadTest() {
    for (const char digit : {'a', 'b'}) {
      machine_.AddCgroup(absl::StrCat("/kubepods/pod", kUid, "/", Id(digit)));
    }
    machine_.AddCgroup(absl::StrCat("/kubepods/pod", kOtherUid, "/", Id('c')));
    source_->known = {{Id('a'), "", {{"shop", "db-0", "mysql"}, {}, {}}},
                      {"", kUid, {{"shop", "db-0", ""}, {}, {}}}};
  }
  static std::vector<std::unique_ptr<NameSource>> Vector(FakeNameSource*& source) {
    std::vector<std::unique_ptr<NameSource>> sources;
    sources.push_back(std::make_unique<FakeNameSource>("cri"));
    source = static_cast<FakeNameSource*>(sources.back().get());
    return sources;
  }
  static WorkloadSelector Named(const ContainerNames& names) { return {{}, {}, {}, {}, names}; }

  FakeNameSource* source_ = nullptr;
  NameDirectory names_{Vector(source_), Clock::System()};
  const WorkloadFinder finder_{machine_.host(), &names_};
};

TEST_F(NamedWorkloadTest, AreFoundByNameAndHaveNames) {
  names_.ReadAll();
  EXPECT_EQ(finder_.Find(Named({"shop", "db-0", ""}))->size(), 2u);
  const auto one = finder_.Find(Named({"shop", "db-0", "mysql"}));
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ(one->front().container->container_id, Id('a'));
  EXPECT_EQ(one->front().names, (ContainerNames{"shop", "db-0", "mysql"}));
  EXPECT_EQ(finder_.Find(Cgroup(one->front().cgroup_path))->front().names, one->front().names);
  machine_.AddProcess(10, "0-3", one->front().cgroup_path);
  EXPECT_EQ(finder_.Find(Process(10))->front().names, one->front().names);
  EXPECT_EQ(finder_.Find(Pod(kOtherUid))->front().names, ContainerNames());
}

TEST_F(NamedWorkloadTest, UnknownNamesAreNotFound) {
  names_.ReadAll();
  for (const ContainerNames& names :
       {ContainerNames{"shop", "db-0", "none"}, {"shop", "db-1", ""}, {"other", "db-0", ""}}) {
    EXPECT_TRUE(absl::IsNotFound(finder_.Find(Named(names)).status()));
  }
  WorkloadSelector two = Named({"shop", "db-0", ""});
  two.pod_uid = kUid;
  EXPECT_TRUE(absl::IsInvalidArgument(finder_.Find(two).status()));
}

TEST_F(NamedWorkloadTest, WithoutAnyNamesTheErrorShowsTheSources) {
  source_->status = absl::UnavailableError("/run/cri: nobody listens");
  names_.ReadAll();
  const absl::Status status = finder_.Find(Named({"shop", "db-0", ""})).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no container has a known name: fake cri: "
                                                       "/run/cri: nobody listens"));
  EXPECT_THAT(
      std::string(
          WorkloadFinder(machine_.host()).Find(Named({"shop", "db-0", ""})).status().message()),
      HasSubstr("no name source is configured"));
}

TEST_F(WorkloadFinderTest, ACgroupMayBeWrittenWithItsMountPoint) {
  machine_.AddCgroup("/system.slice/db.service");
  for (const std::string& path :
       {std::string("/system.slice/db.service"), std::string("/system.slice/db.service/"),
        machine_.host().cgroup + "/system.slice/db.service"}) {
    const Workload workload = FindOne(Cgroup(path));
    EXPECT_EQ(workload.cgroup_path, "/system.slice/db.service");
    EXPECT_FALSE(workload.container.has_value());
  }
  EXPECT_EQ(FindError(Cgroup("/none")), absl::StatusCode::kNotFound);
  EXPECT_EQ(FindError(Cgroup("/system.slice/../system.slice")), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindError(Cgroup("relative")), absl::StatusCode::kInvalidArgument);
}

TEST_F(WorkloadFinderTest, AProcessKnowsItsContainer) {
  const std::string path = absl::StrCat("/kubepods/pod", kUid, "/", Id('a'));
  machine_.AddCgroup(path, {10});
  machine_.AddProcess(10, "0-3", path + "/nested");
  const Workload workload = FindOne(Process(10));
  EXPECT_EQ(workload.process, (ProcessId{10, 1000}));
  EXPECT_EQ(workload.container->pod_uid, kUid);
  EXPECT_EQ(FindError(Process(11)), absl::StatusCode::kNotFound);
  EXPECT_EQ(FindError(Process(0)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindError(Process(-5)), absl::StatusCode::kInvalidArgument);
}

TEST_F(WorkloadFinderTest, FindsContainersOnCgroupV1) {
  for (const bool hybrid : {false, true}) {
    machine_.UseCgroupV1(hybrid);
    const std::string path = absl::StrCat("/kubepods/burstable/pod", kUid, "/", Id('a'));
    machine_.AddProcess(10);
    machine_.AddCgroup(path, {10});
    EXPECT_EQ(FindOne(Pod(kUid)).cgroup_path, path);
    EXPECT_EQ(FindOne(Process(10)).container->container_id, Id('a'));
    EXPECT_EQ(FindOne(Cgroup(machine_.host().cgroup + "/cpuset" + path + "/")).cgroup_path, path);
    EXPECT_EQ(FindOne(Cgroup(machine_.host().cgroup + "/memory" + path)).cgroup_path, path);
    EXPECT_THAT(finder_.ListProcesses(FindOne(Cgroup(path)))->pids, ElementsAre(10));
    EXPECT_TRUE(finder_.OpenProcess(machine_.kernel(), FindOne(Pod(kUid)), 10).ok());
  }
}

TEST_F(WorkloadFinderTest, WithoutCgroupsOnlyProcessesAreServed) {
  machine_.AddProcess(10);
  machine_.tree().Write("proc/10/cgroup", "4:cpuset:/kubepods/x\n");
  machine_.tree().Remove("sys/fs/cgroup/cgroup.controllers");
  EXPECT_EQ(finder_.FindAll().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FindError(Pod(kUid)), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FindOne(Process(10)).cgroup_path, "");
}

// A user may create any number of cgroups in one that was delegated to her.
TEST_F(WorkloadFinderTest, ADelegatedSubtreeIsVisitedInPart) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give a directory to another user";
  const std::string pod = absl::StrCat("/kubepods/pod", kUid, "/", Id('a'));
  machine_.AddCgroup(pod);
  const std::string user = "/a.slice/user@1000.service";
  machine_.AddCgroup(user);
  const std::string directory = machine_.host().cgroup + user;
  constexpr uid_t kUser = 1000;
  ASSERT_EQ(chown(directory.c_str(), kUser, kUser), 0);
  const auto before = finder_.Walk();
  ASSERT_TRUE(before.ok());
  EXPECT_THAT(before->too_large, IsEmpty());
  for (int i = 0; i < 100; ++i) {
    const std::string below = absl::StrCat(directory, "/", i);
    ASSERT_EQ(mkdir(below.c_str(), 0755), 0);
    for (int j = 0; j < 100; ++j) {
      ASSERT_EQ(mkdir(absl::StrCat(below, "/", j).c_str(), 0755), 0);
    }
  }
  const auto tree = finder_.Walk();
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_LE(tree->directories.size(), before->directories.size() + kMostTenantCgroups);
  EXPECT_THAT(tree->too_large, ElementsAre(Pair(user, kMostTenantCgroups)));
  ASSERT_EQ(tree->workloads.size(), 1u);
  EXPECT_EQ(tree->workloads[0].cgroup_path, pod);
}

// A container outside of Kubernetes that runs as root and may write its cgroups. The limit is its
// own: beside it a container that is a node of Kubernetes is visited.
TEST_F(WorkloadFinderTest, ASubtreeOfAContainerIsVisitedInPart) {
  const std::string node = absl::StrCat("/docker/", Id('e'), "/kubelet/kubepods/pod", kUid, "/");
  for (const char id : {'a', 'b', 'c'}) machine_.AddCgroup(node + Id(id));
  const std::string hostile = absl::StrCat("/docker/", Id('d'));
  const std::string scope = "/system.slice/x.scope";
  machine_.AddCgroup(hostile);
  machine_.AddCgroup(scope);
  const auto before = finder_.Walk();
  ASSERT_TRUE(before.ok()) << before.status();
  for (const std::string& path : {hostile, scope}) {
    for (int i = 0; i < 50; ++i) {
      const std::string below = absl::StrCat(machine_.host().cgroup, path, "/s.slice", i);
      ASSERT_EQ(mkdir(below.c_str(), 0755), 0);
      for (int j = 0; j < 60; ++j) {
        ASSERT_EQ(mkdir(absl::StrCat(below, "/", j).c_str(), 0755), 0);
      }
    }
  }
  const auto tree = finder_.Walk();
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_LE(tree->directories.size(),
            before->directories.size() + kMostUnitCgroups + kMostUnitChildCgroups);
  EXPECT_THAT(tree->too_large,
              ElementsAre(Pair(hostile, kMostUnitChildCgroups), Pair(scope, kMostUnitCgroups)));
  EXPECT_EQ(tree->workloads.size(), before->workloads.size()) << "those beside it are found";
}

TEST_F(WorkloadFinderTest, ListsProcessesOfNestedCgroups) {
  machine_.AddCgroup("/pod/leaf/init.scope", {12, 10});
  machine_.AddCgroup("/pod/leaf/app", {11, 10, 0});
  const auto processes = finder_.ListProcesses(FindOne(Cgroup("/pod/leaf")));
  ASSERT_TRUE(processes.ok()) << processes.status();
  EXPECT_THAT(processes->pids, ElementsAre(10, 11, 12));
  EXPECT_EQ(processes->hidden_count, 1);
  EXPECT_FALSE(processes->incomplete);
}

TEST_F(WorkloadFinderTest, ARemovedOrRecreatedCgroupIsGone) {
  machine_.AddCgroup("/pod", {10});
  const Workload workload = FindOne(Cgroup("/pod"));
  machine_.RecreateCgroup("/pod", {11});
  const absl::Status status = finder_.ListProcesses(workload).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("a new cgroup has the same path"));
  EXPECT_TRUE(absl::IsNotFound(finder_.OpenCgroup(workload).status()));
  machine_.RemoveCgroup("/pod");
  EXPECT_TRUE(absl::IsNotFound(finder_.ListProcesses(workload).status()));
}

TEST_F(WorkloadFinderTest, ACgroupIsFoundByItsIdOnlyUntilItIsRecreated) {
  machine_.AddCgroup("/pod", {10});
  WorkloadSelector selector{{}, {}, "/pod", {}};
  selector.cgroup_id = finder_.Find(selector)->front().cgroup_id;
  EXPECT_TRUE(finder_.Find(selector).ok());
  machine_.RecreateCgroup("/pod", {11});
  const absl::Status gone = finder_.Find(selector).status();
  EXPECT_TRUE(absl::IsNotFound(gone)) << gone;
}

TEST_F(WorkloadFinderTest, AProcessThatExitedOrWasReplacedIsGone) {
  machine_.AddProcess(10);
  const Workload workload = FindOne(Process(10));
  EXPECT_THAT(finder_.ListProcesses(workload)->pids, ElementsAre(10));
  machine_.Replace(10);
  EXPECT_TRUE(absl::IsNotFound(finder_.ListProcesses(workload).status()));
  machine_.Exit(10);
  EXPECT_TRUE(absl::IsNotFound(finder_.ListProcesses(workload).status()));
}

// A cgroup.procs that lists one more process each time it is read.
class ForkStorm {
 public:
  explicit ForkStorm(std::string file) : file_(std::move(file)) {
    MakePipe();
    thread_ = std::thread([this] { Run(); });
  }
  ~ForkStorm() {
    done_ = true;
    const int reader = open(file_.c_str(), O_RDONLY | O_NONBLOCK);  // the writer waits for one
    thread_.join();
    close(reader);
  }

 private:
  // Each reader has a pipe of its own: the next one's is in place before this one's text ends.
  void Run() {
    std::string pids;
    for (int pid = 1; !done_; ++pid) {
      const int writer = open(file_.c_str(), O_WRONLY);
      MakePipe();
      absl::StrAppend(&pids, pid, "\n");
      EXPECT_EQ(write(writer, pids.data(), pids.size()), static_cast<ssize_t>(pids.size()));
      close(writer);
    }
  }
  void MakePipe() {
    const std::string draft = file_ + ".new";
    EXPECT_EQ(mkfifo(draft.c_str(), 0600), 0);
    EXPECT_EQ(rename(draft.c_str(), file_.c_str()), 0);
  }

  const std::string file_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

TEST_F(WorkloadFinderTest, AForkStormEndsAsIncomplete) {
  machine_.AddCgroup("/pod");
  const Workload workload = FindOne(Cgroup("/pod"));
  EXPECT_FALSE(finder_.ListProcesses(workload)->incomplete);
  const ForkStorm storm(machine_.host().cgroup + "/pod/cgroup.procs");
  const auto processes = finder_.ListProcesses(workload);
  EXPECT_TRUE(processes->incomplete);
  EXPECT_THAT(processes->pids, ElementsAre(1, 2, 3, 4));
}

TEST_F(WorkloadFinderTest, BesideOnePodsContainersOnlyThatPodIsServed) {
  const std::string own = absl::StrCat("/kubepods/burstable/pod", kUid, "/", Id('a'));
  const std::string other = absl::StrCat("/kubepods/burstable/pod", kOtherUid, "/", Id('b'));
  for (const std::string& path : {own, other, std::string("/system.slice/job")}) {
    machine_.AddCgroup(path);
  }
  Host host = machine_.host();
  host.SetOwnPlace({true, "/", kUid});
  const WorkloadFinder finder(host);
  const auto found = finder.FindAll();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().cgroup_path, own);
  EXPECT_TRUE(finder.Find(Cgroup(own)).ok());
  for (const std::string& path : {other, std::string("/system.slice/job")}) {
    EXPECT_EQ(finder.Find(Cgroup(path)).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(finder.Find(Pod(kOtherUid)).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace numalocality::workload_finder_test
