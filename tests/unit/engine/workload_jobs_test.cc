#include "agent/engine/workload_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/gate.h"

namespace numalocality::workload_jobs_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kLong = absl::Minutes(1);  // more than any of this takes

class WorkloadJobsTest : public ::testing::Test {
 protected:
  ~WorkloadJobsTest() override { go_on_.Open(); }

  // A container with this cgroup id, in a pod of its own or in this one.
  static Workload Container(uint64_t id, const std::string& pod = "") {
    Workload workload;
    workload.cgroup_path = absl::StrCat("/kubepods/", id);
    workload.cgroup_id = id;
    workload.container.emplace().pod_uid = pod.empty() ? absl::StrCat("pod-of-", id) : pod;
    return workload;
  }

  // A job for container `workload` that does not end until go_on_ opens.
  void RunBlocked(uint64_t workload, const std::string& pod = "") {
    jobs_.Run(Container(workload, pod), absl::StrCat("report of ", workload),
              [this, workload](const auto& watch) {
                watch.begin_call(absl::StrCat("a read of the pages of process ", workload));
                begun_[workload].Open();
                go_on_.Wait();
                was_cancelled_ = watch.is_cancelled();
                return [this, workload] { ended_.push_back(workload); };
              });
  }
  void RunQuick(uint64_t workload) {
    jobs_.Run(
        Container(workload), absl::StrCat("report of ", workload),
        [this, workload](const auto&) { return [this, workload] { ended_.push_back(workload); }; });
  }

  FakeClock clock_;
  Gate go_on_;
  Gate was_late_;
  std::array<Gate, 50> begun_;
  std::atomic<bool> was_cancelled_ = false;
  std::vector<uint64_t> ended_;
  WorkloadJobs jobs_{clock_, [this] { was_late_.Open(); }};
};

TEST_F(WorkloadJobsTest, BeforeItsStartTheOwnerDoesTheWork) {
  RunQuick(1);
  EXPECT_TRUE(jobs_.IsBusy(1));
  EXPECT_THAT(ended_, IsEmpty());
  jobs_.CallEndings(kLong);
  EXPECT_THAT(ended_, ElementsAre(1u));
  EXPECT_FALSE(jobs_.IsBusy(1));
}

TEST_F(WorkloadJobsTest, TheOwnerWaitsForWhatItHasBegun) {
  jobs_.Start();
  for (uint64_t workload = 1; workload <= 40; ++workload) RunQuick(workload);
  jobs_.CallEndings(kLong);
  EXPECT_THAT(ended_, SizeIs(40));
}

TEST_F(WorkloadJobsTest, AJobThatDoesNotEndHoldsUpNoOther) {
  jobs_.Start();
  RunBlocked(1);
  begun_[1].Wait();
  jobs_.CallEndings(absl::ZeroDuration());
  RunQuick(2);
  jobs_.CallEndings(kLong);  // not for the first one
  EXPECT_THAT(ended_, ElementsAre(2u));
  EXPECT_TRUE(jobs_.IsBusy(1));
  go_on_.Open();
  was_late_.Wait();
  EXPECT_TRUE(jobs_.HasEndings());
  jobs_.CallEndings(absl::ZeroDuration());
  EXPECT_THAT(ended_, ElementsAre(2u, 1u));
}

TEST_F(WorkloadJobsTest, WorkersOfSlowJobsAreReplaced) {
  jobs_.Start();
  constexpr uint64_t kSlow = WorkloadJobs::kWorkers;
  for (uint64_t workload = 1; workload <= kSlow; ++workload) RunBlocked(workload);
  for (uint64_t workload = 1; workload <= kSlow; ++workload) begun_[workload].Wait();
  jobs_.CallEndings(absl::ZeroDuration());
  RunQuick(kSlow + 1);
  EXPECT_EQ(jobs_.Describe(kSlow + 1),
            "it waits for a free thread: 2 other workloads are being read");
  clock_.Advance(WorkloadJobs::kReplacedAfter + absl::Seconds(1));
  jobs_.ReplaceSlow();
  jobs_.CallEndings(kLong);
  EXPECT_THAT(ended_, ElementsAre(kSlow + 1));
}

TEST_F(WorkloadJobsTest, TheTimeInTheQueueIsNotTheWorkloadsOwn) {
  jobs_.Start();
  RunBlocked(1);
  RunBlocked(2);
  begun_[1].Wait();
  begun_[2].Wait();
  RunBlocked(3);
  clock_.Advance(kStalledAfter + absl::Seconds(1));
  EXPECT_EQ(jobs_.BusyFor(3), kStalledAfter + absl::Seconds(1));
  EXPECT_THAT(jobs_.Describe(3), HasSubstr("it waits for a free thread"));
  jobs_.ReplaceSlow();
  begun_[3].Wait();
  EXPECT_EQ(jobs_.BusyFor(3), absl::ZeroDuration());
  EXPECT_EQ(jobs_.BusyFor(1), kStalledAfter + absl::Seconds(1));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(jobs_.BusyFor(3), absl::Seconds(1));
  EXPECT_THAT(jobs_.Describe(3), HasSubstr("process 3 has not returned from the kernel for 1s"));
}

TEST_F(WorkloadJobsTest, ReplacementsAreBounded) {
  jobs_.Start();
  constexpr uint64_t kMost = WorkloadJobs::kWorkers + WorkloadJobs::kMaxReplaced;
  for (uint64_t workload = 1; workload <= kMost; ++workload) {
    RunBlocked(workload);
    clock_.Advance(WorkloadJobs::kReplacedAfter + absl::Seconds(1));
    jobs_.ReplaceSlow();
    begun_[workload].Wait();
  }
  jobs_.CallEndings(absl::ZeroDuration());
  RunQuick(kMost + 1);
  clock_.Advance(WorkloadJobs::kReplacedAfter + absl::Seconds(1));
  jobs_.ReplaceSlow();
  jobs_.CallEndings(absl::Milliseconds(1));
  EXPECT_TRUE(jobs_.IsBusy(kMost + 1));
  go_on_.Open();
  for (uint64_t workload = 1; workload <= kMost + 1; ++workload) {
    while (jobs_.IsBusy(workload)) jobs_.CallEndings(absl::ZeroDuration());
  }
}

TEST_F(WorkloadJobsTest, OnePodDoesNotUseUpTheThreads) {
  jobs_.Start();
  constexpr uint64_t kMany = WorkloadJobs::kWorkers + WorkloadJobs::kMaxReplaced + 2;
  constexpr uint64_t kSlow = WorkloadJobs::kMaxSlowOfPod;
  for (uint64_t workload = 1; workload <= kMany; ++workload) RunBlocked(workload, "hostile");
  for (uint64_t workload = 1; workload <= kSlow; ++workload) begun_[workload].Wait();
  for (uint64_t second = 0; second < kMany; ++second) {
    clock_.Advance(WorkloadJobs::kReplacedAfter + absl::Seconds(1));
    jobs_.ReplaceSlow();
  }
  EXPECT_EQ(jobs_.Describe(kMany),
            "it waits for other containers of its pod, whose reads are slow");
  jobs_.CallEndings(absl::ZeroDuration());
  RunQuick(kMany + 1);
  jobs_.CallEndings(kLong);
  EXPECT_THAT(ended_, ElementsAre(kMany + 1));
  EXPECT_THAT(jobs_.Stalled(), SizeIs(kSlow));
  go_on_.Open();
  for (uint64_t workload = 1; workload <= kMany; ++workload) {
    while (jobs_.IsBusy(workload)) jobs_.CallEndings(absl::ZeroDuration());
  }
}

TEST_F(WorkloadJobsTest, CallsThatDoNotReturnAreNamedUntilTheyDo) {
  jobs_.Start();
  RunBlocked(7);
  begun_[7].Wait();
  EXPECT_THAT(jobs_.Stalled(), IsEmpty()) << "not yet too long";
  const absl::Time since = clock_.Now();
  clock_.Advance(kStalledAfter + absl::Seconds(1));
  ASSERT_THAT(jobs_.Stalled(), SizeIs(1));
  const StalledCall stalled = jobs_.Stalled()[0];
  EXPECT_EQ(stalled.work, "report of 7");
  EXPECT_EQ(stalled.call, "a read of the pages of process 7");
  EXPECT_EQ(stalled.since, since);
  EXPECT_EQ(jobs_.BusyFor(7), kStalledAfter + absl::Seconds(1));
  EXPECT_EQ(jobs_.Describe(7),
            "a read of the pages of process 7 has not returned from the kernel for 6s");
  go_on_.Open();
  was_late_.Wait();
  EXPECT_THAT(jobs_.Stalled(), IsEmpty());
  EXPECT_TRUE(was_cancelled_) << "it took longer than kLongestJob";
}

TEST_F(WorkloadJobsTest, ItStopsWhileACallDoesNotReturn) {
  jobs_.Start();
  RunBlocked(1);
  begun_[1].Wait();
  EXPECT_THAT(jobs_.Stop(absl::Milliseconds(1)),
              ElementsAre(HasSubstr("report of 1: a read of the pages of process 1")));
  RunQuick(2);
  EXPECT_FALSE(jobs_.IsBusy(2)) << "no more jobs begin";
  go_on_.Open();
  EXPECT_THAT(jobs_.Stop(kLong), IsEmpty());
  EXPECT_TRUE(was_cancelled_);
}

}  // namespace
}  // namespace numalocality::workload_jobs_test
