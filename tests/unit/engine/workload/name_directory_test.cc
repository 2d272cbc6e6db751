#include "agent/engine/workload/name_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/fake_name_source.h"

namespace numalocality::name_directory_test {
namespace {

constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
const std::string kId(64, 'a');
const std::string kSandboxId(64, 'b');
const ContainerRef kContainer{kUid, kId, QosClass::kGuaranteed};
const ContainerRef kSandbox{kUid, kSandboxId, QosClass::kGuaranteed};
const ContainerNames kNames{"shop", "db-0", "mysql"};
constexpr ContainerRole kApp = ContainerRole::kApp;
const ContainerNames kPodNames{"shop", "db-0", ""};
const PodMetadata kMetadata{{{"app", "db"}}, {{"note", "x"}}};

// More than any delay of its length, with jitter.
constexpr absl::Duration kAPeriod = absl::Seconds(31);

KubeletAssignment Cpus(int cpu) { return {{CpuId{cpu}}, {}}; }

// Four sources, as the agent has them, which know nothing at first.
class NameDirectoryTest : public ::testing::Test {
 protected:
  NameDirectoryTest() {
    directory_.OnChange([this] { ++changes_; });
  }

  static std::vector<std::unique_ptr<NameSource>> Vector(NameDirectoryTest& test) {
    std::vector<std::unique_ptr<NameSource>> sources;
    for (FakeNameSource** source : {&test.cri_, &test.resources_, &test.state_, &test.logs_}) {
      constexpr const char* kIds[] = {"cri", "pod_resources", "kubelet_state", "pod_logs"};
      auto made = std::make_unique<FakeNameSource>(kIds[sources.size()]);
      *source = made.get();
      sources.push_back(std::move(made));
    }
    return sources;
  }

  // As the container runtime reports the pod.
  void ReportByCri() {
    cri_->known = {{kSandboxId, kUid, {kPodNames, kMetadata, {}, ContainerRole::kSandbox}},
                   {kId, kUid, {kNames, {}, {}, kApp}}};
  }

  // The sources are asked once more.
  void ReadLater(absl::Duration later = kAPeriod) {
    clock_.Advance(later);
    directory_.ReadAll();
  }

  ContainerDescription Describe() const { return directory_.Describe(kContainer); }

  FakeClock clock_;
  FakeNameSource* cri_ = nullptr;
  FakeNameSource* resources_ = nullptr;
  FakeNameSource* state_ = nullptr;
  FakeNameSource* logs_ = nullptr;
  int changes_ = 0;
  NameDirectory directory_{Vector(*this), clock_};
};

TEST_F(NameDirectoryTest, KnowsNothingAtFirst) {
  EXPECT_EQ(Describe(), ContainerDescription());
  directory_.ReadAll();
  EXPECT_EQ(Describe(), ContainerDescription());
  EXPECT_EQ(changes_, 0);
}

// A machine where only kubelet's socket and state exist: no container's namespace will be known.
TEST_F(NameDirectoryTest, ExpectsNamesFromSourcesThatReportNamespaces) {
  cri_->status = absl::NotFoundError("no socket");
  logs_->status = absl::NotFoundError("no directory");
  directory_.ReadAll();
  EXPECT_FALSE(directory_.ExpectsNames());
  logs_->status = absl::OkStatus();
  ReadLater();
  EXPECT_TRUE(directory_.ExpectsNames());
}

TEST_F(NameDirectoryTest, TheRuntimeAloneGivesNamesAndLabels) {
  ReportByCri();
  directory_.ReadAll();
  EXPECT_EQ(Describe(), (ContainerDescription{kNames, kMetadata, {}, kApp}));
  EXPECT_EQ(directory_.Describe(kSandbox),
            (ContainerDescription{kPodNames, kMetadata, {}, ContainerRole::kSandbox}));
  EXPECT_EQ(directory_.NamesOf(kContainer), kNames);
}

TEST_F(NameDirectoryTest, AnnotationsThatAreEmptyAreKnown) {
  logs_->known = {{kId, "", {kNames, {}, {}}}};
  directory_.ReadAll();
  EXPECT_EQ(Describe().metadata, std::nullopt);
  cri_->known = {{kSandboxId, kUid, {kPodNames, PodMetadata(), {}}}};
  ReadLater();
  EXPECT_EQ(Describe().metadata, PodMetadata());
}

TEST_F(NameDirectoryTest, LogsJoinByContainerIdAndByPod) {
  logs_->known = {{kId, "", {kNames, {}, {}}}};
  directory_.ReadAll();
  EXPECT_EQ(Describe().names, kNames);
  EXPECT_EQ(directory_.NamesOf(kSandbox), ContainerNames());
  // A name that is cut off leaves the pod's.
  logs_->known = {{"", kUid, {kPodNames, {}, {}}}};
  ReadLater();
  EXPECT_EQ(directory_.NamesOf(kSandbox), kPodNames);
}

TEST_F(NameDirectoryTest, AssignmentsJoinByNamesAndByUid) {
  ReportByCri();
  resources_->known = {{"", "", {kNames, {}, Cpus(1)}}};
  directory_.ReadAll();
  EXPECT_EQ(Describe().assignment, Cpus(1));
  EXPECT_EQ(directory_.Describe(kSandbox).assignment, std::nullopt);

  resources_->known.clear();
  state_->known = {{"", kUid, {{"", "", "mysql"}, {}, Cpus(2)}},
                   {"", kUid, {{"", "", "other"}, {}, Cpus(3)}}};
  ReadLater();
  EXPECT_EQ(Describe().assignment, Cpus(2));
}

TEST_F(NameDirectoryTest, WhereSourcesDifferTheFirstIsRight) {
  ReportByCri();
  logs_->known = {{kId, "", {{"shop", "db-0", "wrong"}, {}, {}}}};
  resources_->known = {{"", "", {kNames, {}, Cpus(1)}}};
  state_->known = {{"", kUid, {{"", "", "mysql"}, {}, Cpus(2)}}};
  directory_.ReadAll();
  EXPECT_EQ(Describe(), (ContainerDescription{kNames, kMetadata, Cpus(1), kApp}));
  ReadLater();
  EXPECT_EQ(Describe().names, kNames);
}

TEST_F(NameDirectoryTest, AssignmentsAreThoseOfTheLastAnswer) {
  ReportByCri();
  resources_->known = {{"", "", {kNames, {}, Cpus(1)}}};
  directory_.ReadAll();
  resources_->status = absl::UnavailableError("away");
  ReadLater();
  EXPECT_EQ(Describe().assignment, Cpus(1)) << "nothing newer is known";
  resources_->status = absl::OkStatus();
  resources_->known = {{"", "", {kNames, {}, {}}}};
  ReadLater();
  EXPECT_EQ(Describe().assignment, std::nullopt);
}

TEST_F(NameDirectoryTest, NamesStayWhenTheirSourceGoesAway) {
  ReportByCri();
  directory_.ReadAll();
  cri_->status = absl::UnavailableError("stopped");
  cri_->known.clear();
  for (int i = 0; i < 40; ++i) ReadLater(absl::Minutes(2));
  EXPECT_EQ(Describe(), (ContainerDescription{kNames, kMetadata, {}, kApp}));
  cri_->status = absl::OkStatus();
  ReportByCri();
  ReadLater(absl::Minutes(2));
  EXPECT_EQ(Describe(), (ContainerDescription{kNames, kMetadata, {}, kApp}));
  EXPECT_EQ(changes_, 1);
}

TEST_F(NameDirectoryTest, NamesThatNoSourceReportsAnyMoreAreForgotten) {
  ReportByCri();
  logs_->known = {{kId, "", {kNames, {}, {}}}, {"", kUid, {kPodNames, {}, {}}}};
  directory_.ReadAll();
  cri_->known.clear();
  for (int i = 0; i < 5; ++i) ReadLater(absl::Minutes(5));
  EXPECT_EQ(Describe(), (ContainerDescription{kNames, kMetadata, {}, kApp}))
      << "the logs report it";
  logs_->known.clear();
  ReadLater(absl::Minutes(9));
  EXPECT_EQ(Describe().names, kNames) << "not yet";
  const int before = changes_;
  ReadLater(absl::Minutes(2));
  EXPECT_EQ(Describe(), ContainerDescription());
  EXPECT_EQ(changes_, before + 1);
}

TEST_F(NameDirectoryTest, NotifiesOfChangesOnly) {
  directory_.ReadAll();
  ReportByCri();
  ReadLater();
  EXPECT_EQ(changes_, 1);
  ReadLater();
  EXPECT_EQ(changes_, 1) << "the same again";
  cri_->known[0].description.metadata->labels["app"] = "web";
  ReadLater();
  EXPECT_EQ(changes_, 2);
}

TEST_F(NameDirectoryTest, TheCallbackMayAsk) {
  directory_.OnChange([this] { EXPECT_EQ(Describe().names, kNames); });
  ReportByCri();
  directory_.ReadAll();
}

TEST_F(NameDirectoryTest, ASourceThatAnswersIsAskedOnceAPeriod) {
  directory_.ReadAll();
  directory_.ReadAll();
  ReadLater(NameDirectory::kPeriod / 2);
  EXPECT_EQ(cri_->reads, 1);
  ReadLater(NameDirectory::kPeriod / 2);
  EXPECT_EQ(cri_->reads, 2);
}

TEST_F(NameDirectoryTest, ASourceThatFailsIsAskedMoreAndMoreSeldom) {
  cri_->status = absl::UnavailableError("stopped");
  directory_.ReadAll();
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    const int before = cri_->reads;
    ReadLater(absl::Seconds(seconds) * 0.7);
    EXPECT_EQ(cri_->reads, before) << seconds;
    ReadLater(absl::Seconds(seconds) * 0.3);
    EXPECT_EQ(cri_->reads, before + 1) << seconds;
  }
  cri_->status = absl::OkStatus();
  ReadLater(absl::Minutes(1));
  cri_->status = absl::UnavailableError("stopped again");
  ReadLater();
  const int before = cri_->reads;
  ReadLater(absl::Seconds(1));
  EXPECT_EQ(cri_->reads, before + 1) << "from the start";
  EXPECT_EQ(resources_->reads, logs_->reads) << "the others go on";
}

TEST_F(NameDirectoryTest, ANudgeHasThoseAskedThatAnswer) {
  state_->status = absl::NotFoundError("no file");
  directory_.ReadAll();
  directory_.Nudge();
  directory_.ReadAll();
  EXPECT_EQ(cri_->reads, 1) << "not at once";
  clock_.Advance(NameDirectory::kShortest);
  for (int i = 0; i < 5; ++i) directory_.Nudge();
  directory_.ReadAll();
  directory_.ReadAll();
  EXPECT_EQ(cri_->reads, 2);
  EXPECT_EQ(state_->reads, 1);
}

TEST_F(NameDirectoryTest, ANudgeDuringAReadingIsNotLost) {
  cri_->on_read = [this] { directory_.Nudge(); };
  directory_.ReadAll();
  ReadLater();
  EXPECT_EQ(cri_->reads, 2);
  cri_->on_read = nullptr;
  ReadLater(NameDirectory::kShortest);
  EXPECT_EQ(cri_->reads, 3);
}

TEST_F(NameDirectoryTest, StatusShowsEachSource) {
  EXPECT_TRUE(directory_.Status()[0].IsAbsent()) << "not read yet";
  cri_->status = absl::UnavailableError("stopped");
  state_->status = absl::NotFoundError("no file");
  directory_.ReadAll();
  auto status = directory_.Status();
  ASSERT_EQ(status.size(), 4u);
  EXPECT_EQ(status[0].id, "cri");
  EXPECT_EQ(status[0].name, "fake cri");
  EXPECT_EQ(status[0].address, "/run/cri");
  EXPECT_EQ(status[0].last_read, cri_->status);
  EXPECT_EQ(status[0].error_count, 1);
  EXPECT_FALSE(status[0].IsAbsent());
  EXPECT_TRUE(status[1].last_read.ok());
  EXPECT_EQ(status[1].last_success, clock_.Now());
  EXPECT_TRUE(status[2].IsAbsent());
  EXPECT_EQ(status[2].error_count, 0) << "it need not be there";

  state_->status = absl::OkStatus();
  ReadLater();
  state_->status = absl::NotFoundError("no file");
  ReadLater();
  status = directory_.Status();
  EXPECT_FALSE(status[2].IsAbsent()) << "it has been there";
  EXPECT_EQ(status[2].error_count, 1);
}

// The remaining tests run the thread, with the real clock.
TEST(NameDirectoryThreadTest, ReadsWhenStartedAndWhenNudged) {
  std::mutex mutex;
  std::condition_variable changed;
  int changes = 0;
  auto source = std::make_unique<FakeNameSource>("cri");
  source->on_read = [&, known = &source->known] {
    known->push_back(
        {std::string(64, static_cast<char>('a' + known->size())), "", {kNames, {}, {}}});
  };
  std::vector<std::unique_ptr<NameSource>> sources;
  sources.push_back(std::move(source));
  NameDirectory directory(std::move(sources), Clock::System());
  directory.OnChange([&] {
    const std::lock_guard lock(mutex);
    ++changes;
    changed.notify_one();
  });
  directory.Start();
  for (int wanted = 1; wanted <= 3; ++wanted) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(
        changed.wait_for(lock, std::chrono::seconds(10), [&] { return changes >= wanted; }));
    lock.unlock();
    directory.Nudge();
  }
  EXPECT_EQ(directory.NamesOf(kContainer), kNames);
}

TEST(NameDirectoryThreadTest, OnceStoppedItNotifiesNobody) {
  std::atomic<int> changes = 0;
  auto source = std::make_unique<FakeNameSource>("cri");
  source->on_read = [known = &source->known] {
    known->push_back(
        {std::string(64, static_cast<char>('a' + known->size())), "", {kNames, {}, {}}});
  };
  std::vector<std::unique_ptr<NameSource>> sources;
  sources.push_back(std::move(source));
  NameDirectory directory(std::move(sources), Clock::System());
  directory.OnChange([&] { ++changes; });
  directory.Start();
  for (int i = 0; i < 1000 && changes == 0; ++i) absl::SleepFor(absl::Milliseconds(10));
  directory.Stop();
  const int notified = changes;
  EXPECT_GE(notified, 1);
  directory.Nudge();
  absl::SleepFor(NameDirectory::kShortest + absl::Milliseconds(300));
  EXPECT_EQ(changes, notified);
  EXPECT_EQ(directory.NamesOf(kContainer), kNames);
}

}  // namespace
}  // namespace numalocality::name_directory_test
