#include "agent/os/act/page_mover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <vector>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::page_mover_test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr uint64_t kBase = 0x10000000;

class PageMoverTest : public ::testing::Test {
 protected:
  PageMoverTest() : process_(machine_.AddProcess(100)) {}

  // Moves of the first `count` pages from kBase to node 1.
  static std::vector<PageMove> Moves(int count) {
    std::vector<PageMove> moves;
    for (int i = 0; i < count; ++i) moves.push_back({Address(i), NodeId{0}, NodeId{1}});
    return moves;
  }

  static uint64_t Address(int page) { return kBase + static_cast<uint64_t>(page) * kFakePage; }
  FakeFolio& Page(int page) { return process_->At(Address(page)); }

  // The first kernel call after Open has number 2.
  BatchResult Move(const std::vector<PageMove>& moves) {
    const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
    EXPECT_TRUE(handle.ok()) << handle.status();
    return PageMover(machine_.kernel(), machine_.clock(), kFakePage).Move(*handle, moves);
  }

  static std::map<PageOutcome, int> Tally(const BatchResult& result) {
    std::map<PageOutcome, int> tally;
    for (const PageOutcome outcome : result.outcomes) ++tally[outcome];
    return tally;
  }
  using TallyOf = std::map<PageOutcome, int>;

  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_;
};

TEST_F(PageMoverTest, MovesAllInOneCall) {
  process_->AddPages(kBase, 64, 0);
  const BatchResult result = Move(Moves(64));
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kMoved));
  EXPECT_EQ(result.outcomes.size(), 64u);
  EXPECT_EQ(result.stop, MoveStop::kNone);
  EXPECT_EQ(result.calls.Count(), 1);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), 0);
  EXPECT_EQ(process_->PagesOn(1), 64);
}

TEST_F(PageMoverTest, NothingToMoveNeedsNoCall) {
  const BatchResult result = Move({});
  EXPECT_TRUE(result.outcomes.empty());
  EXPECT_EQ(result.calls.Count(), 0);
}

TEST_F(PageMoverTest, CountsAPageThatIsOnItsTargetAsMoved) {
  // The plan left out pages on the target; pages there now came by this migration or by chance.
  process_->AddPages(kBase, 3, 0);
  Page(1).node = 1;
  EXPECT_THAT(Move(Moves(3)).outcomes, Each(PageOutcome::kMoved));
}

TEST_F(PageMoverTest, NamesWhatThePageStatusSays) {
  process_->AddPages(kBase, 2, 0);
  process_->AddHole(kBase + 2 * kFakePage, 1);
  process_->AddPages(kBase + 3 * kFakePage, 2, 0);
  Page(0).shared = true;
  Page(1).zero_page = true;
  Page(3).swapped = true;
  machine_.Publish(*process_);
  const BatchResult result = Move(Moves(6));  // page 5 is not mapped
  EXPECT_THAT(result.outcomes,
              ElementsAre(PageOutcome::kShared, PageOutcome::kNotMigratable, PageOutcome::kVanished,
                          PageOutcome::kVanished, PageOutcome::kMoved, PageOutcome::kVanished));
  EXPECT_EQ(result.stop, MoveStop::kNone);
  EXPECT_EQ(result.calls.Count(), 1);
}

TEST_F(PageMoverTest, OnePinnedInSixtyFourLeavesTheOthersMoved) {
  process_->AddPages(kBase, 512, 0);
  for (int i = 17; i < 512; i += 64) Page(i).pinned = true;
  const BatchResult result = Move(Moves(512));
  EXPECT_EQ(Tally(result), (TallyOf{{PageOutcome::kMoved, 504}, {PageOutcome::kPinned, 8}}));
  EXPECT_EQ(process_->PagesOn(1), 504);
  EXPECT_EQ(result.stop, MoveStop::kNone);
  EXPECT_EQ(result.calls.Count(), 1);
}

TEST_F(PageMoverTest, GoesOnWithTheTailThatAnAbortedCallLeft) {
  // Each pinned page is the last of its group, which a shared page ends. The kernel stops there,
  // counts all later pages as not moved, and leaves their status unwritten.
  process_->AddPages(kBase, 400, 0);
  for (int i = 0; i < 400; i += 40) {
    Page(i).pinned = true;
    Page(i + 20).shared = true;
  }
  const BatchResult result = Move(Moves(400));
  EXPECT_EQ(Tally(result), (TallyOf{{PageOutcome::kMoved, 380},
                                    {PageOutcome::kPinned, 10},
                                    {PageOutcome::kShared, 10}}));
  EXPECT_EQ(process_->PagesOn(1), 380);
}

TEST_F(PageMoverTest, PinnedAndSharedAlternating) {
  process_->AddPages(kBase, 100, 0);
  for (int i = 0; i < 100; ++i) (i % 2 == 0 ? Page(i).pinned : Page(i).shared) = true;
  const BatchResult result = Move(Moves(100));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(result.outcomes[static_cast<size_t>(i)],
              i % 2 == 0 ? PageOutcome::kPinned : PageOutcome::kShared);
  }
}

TEST_F(PageMoverTest, APinnedPageJustBeforeAFlushDoesNotHideThePageBehind) {
  process_->AddPages(kBase, 4, 0);
  Page(0).pinned = true;
  Page(1).shared = true;
  EXPECT_THAT(Move(Moves(4)).outcomes, ElementsAre(PageOutcome::kPinned, PageOutcome::kShared,
                                                   PageOutcome::kMoved, PageOutcome::kMoved));
}

TEST_F(PageMoverTest, ABusyPageIsTriedOnce) {
  process_->AddPages(kBase, 8, 0);
  Page(3).busy_attempts = 100;
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(Tally(result), (TallyOf{{PageOutcome::kMoved, 7}, {PageOutcome::kBusy, 1}}));
  EXPECT_EQ(Page(3).busy_attempts, 99);
}

TEST_F(PageMoverTest, OneAddressMovesAHugePage) {
  process_->AddHugePages(kBase, 1, 0);
  EXPECT_THAT(Move({{kBase + 5 * kFakePage, NodeId{0}, NodeId{1}}}).outcomes,
              ElementsAre(PageOutcome::kMoved));
  EXPECT_EQ(process_->PagesOn(1), kFakeHugePages);
}

TEST_F(PageMoverTest, FurtherAddressesOfAHugePageComeAlong) {
  process_->AddHugePages(kBase, 1, 0);
  EXPECT_THAT(Move(Moves(kFakeHugePages)).outcomes, Each(PageOutcome::kMoved));
}

TEST_F(PageMoverTest, StopsWhenTheKernelHasNoMemoryAndKnowsWhatMoved) {
  process_->AddPages(kBase, 64, 0);
  machine_.kernel().Memory(1).free_pages = 40;
  const BatchResult result = Move(Moves(64));
  EXPECT_EQ(result.stop, MoveStop::kNoMemory);
  EXPECT_EQ(Tally(result), (TallyOf{{PageOutcome::kMoved, 40}, {PageOutcome::kNoMemory, 24}}));
  EXPECT_EQ(result.calls.Count(), 1);
}

TEST_F(PageMoverTest, NoRetryAfterNoMemory) {
  process_->AddPages(kBase, 64, 0);
  Page(1).busy_attempts = 1;
  machine_.kernel().Memory(1).free_pages = 40;
  const BatchResult result = Move(Moves(64));
  EXPECT_EQ(result.stop, MoveStop::kNoMemory);
  EXPECT_EQ(machine_.kernel().Memory(1).moves_after_no_memory, 0);
  EXPECT_EQ(machine_.clock().slept(), absl::ZeroDuration());
  EXPECT_EQ(Tally(result), (TallyOf{{PageOutcome::kMoved, 40}, {PageOutcome::kNoMemory, 24}}));
}

struct CallError {
  int error_number;
  MoveStop stop;
  PageOutcome outcome;
};

class PageMoverErrorTest : public PageMoverTest, public ::testing::WithParamInterface<CallError> {};

TEST_P(PageMoverErrorTest, EndsTheBatch) {
  process_->AddPages(kBase, 8, 0);
  machine_.kernel().FailAt(2, GetParam().error_number);
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, GetParam().stop);
  EXPECT_EQ(result.calls.Count(), 1);
  EXPECT_EQ(result.error_number, GetParam().error_number);
  EXPECT_THAT(result.outcomes, Each(GetParam().outcome));
  EXPECT_EQ(process_->PagesOn(0), 8);
}

TEST_P(PageMoverErrorTest, IsNotAtomic) {
  process_->AddPages(kBase, 8, 0);
  if (GetParam().stop == MoveStop::kExited) {
    // The process is gone as a whole, including pages that have moved.
    machine_.kernel().FailAt(2, GetParam().error_number, 5);
    EXPECT_THAT(Move(Moves(8)).outcomes, Each(PageOutcome::kVanished));
    return;
  }
  machine_.kernel().FailAt(2, GetParam().error_number, 5);
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, GetParam().stop);
  EXPECT_EQ(Tally(result), (TallyOf{{PageOutcome::kMoved, 5}, {GetParam().outcome, 3}}));
  EXPECT_EQ(process_->PagesOn(1), 5);
}

INSTANTIATE_TEST_SUITE_P(
    Errno, PageMoverErrorTest,
    ::testing::Values(CallError{ESRCH, MoveStop::kExited, PageOutcome::kVanished},
                      CallError{EINVAL, MoveStop::kExited, PageOutcome::kVanished},
                      CallError{ENOMEM, MoveStop::kNoMemory, PageOutcome::kNoMemory},
                      CallError{EACCES, MoveStop::kForbidden, PageOutcome::kForbidden},
                      CallError{EPERM, MoveStop::kPermissionDenied, PageOutcome::kPermissionDenied},
                      CallError{ENOSYS, MoveStop::kPermissionDenied,
                                PageOutcome::kPermissionDenied},
                      CallError{ENODEV, MoveStop::kNodeGone, PageOutcome::kNotAttempted},
                      CallError{EFAULT, MoveStop::kUnexpected, PageOutcome::kNotMigratable},
                      CallError{EIO, MoveStop::kUnexpected, PageOutcome::kNotMigratable}),
    [](const auto& param) { return strerrorname_np(param.param.error_number); });

TEST_F(PageMoverTest, CpusetThatForbidsTheTargetForbidsThePages) {
  process_->AddPages(kBase, 8, 0);
  process_->allowed_nodes = NodeSet{NodeId{0}};
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kForbidden);
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kForbidden));
}

TEST_F(PageMoverTest, ADeniedQueryEndsTheBatch) {
  process_->AddPages(kBase, 8, 0);
  Page(2).pinned = true;
  machine_.kernel().FailAt(3, EPERM);
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kPermissionDenied);
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kPermissionDenied));
}

TEST_F(PageMoverTest, AnExitedProcessIsNotCalledFor) {
  process_->AddPages(kBase, 8, 0);
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  ASSERT_TRUE(handle.ok());
  machine_.Exit(100);
  const BatchResult result =
      PageMover(machine_.kernel(), machine_.clock(), kFakePage).Move(*handle, Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kExited);
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kVanished));
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
}

TEST_F(PageMoverTest, AZombieHasVanished) {
  process_->AddPages(kBase, 8, 0);
  machine_.kernel().RunAt(2, [&] { machine_.BecomeZombie(100); });
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kExited);
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kVanished));
}

TEST_F(PageMoverTest, GoesOnWhenTheMainThreadEnds) {
  process_->AddPages(kBase, 8, 0);
  machine_.Publish(*process_);
  Page(2).pinned = true;
  machine_.kernel().RunAt(2, [&] { machine_.EndMainThread(100, 101); });
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kNone);
  EXPECT_EQ(Tally(result), (TallyOf{{PageOutcome::kMoved, 7}, {PageOutcome::kPinned, 1}}));
}

TEST_F(PageMoverTest, APageThatTheKernelDeniesThoughItIsThereIsBusy) {
  process_->AddPages(kBase, 4, 0);
  process_->AddHugePages(2 * kFakeHuge + kBase, 1, 0);
  for (const int page : {1, 2}) Page(page).hidden = true;
  Page(2).swapped = true;
  process_->At(2 * kFakeHuge + kBase).hidden = true;
  machine_.Publish(*process_);
  std::vector<PageMove> moves = Moves(4);
  moves.push_back({2 * kFakeHuge + kBase, NodeId{0}, NodeId{1}});
  EXPECT_THAT(Move(moves).outcomes,
              ElementsAre(PageOutcome::kMoved, PageOutcome::kBusy, PageOutcome::kVanished,
                          PageOutcome::kMoved, PageOutcome::kBusy));
  // Without pagemap it cannot be known.
  machine_.DenyPagemap(100);
  EXPECT_THAT(Move({moves[1]}).outcomes, ElementsAre(PageOutcome::kVanished));
}

TEST_F(PageMoverTest, PagesThatBecomeHiddenWhileOthersFailAreBusy) {
  process_->AddPages(kBase, 4, 0);
  Page(0).pinned = true;
  machine_.Publish(*process_);
  machine_.kernel().RunAt(FakeCall::kQuery, 1, [&] { Page(0).hidden = true; });
  EXPECT_THAT(Move(Moves(4)).outcomes, ElementsAre(PageOutcome::kBusy, PageOutcome::kMoved,
                                                   PageOutcome::kMoved, PageOutcome::kMoved));
}

TEST_F(PageMoverTest, APageThatStaysWhereItIsIsBusy) {
  process_->AddPages(kBase, 4, 0);
  Page(1).stays = true;
  EXPECT_THAT(Move(Moves(4)).outcomes, ElementsAre(PageOutcome::kMoved, PageOutcome::kBusy,
                                                   PageOutcome::kMoved, PageOutcome::kMoved));
}

TEST_F(PageMoverTest, WhatAlsoForbidsToAskIsNoCpuset) {
  process_->AddPages(kBase, 8, 0);
  machine_.kernel().FailAt(2, EACCES);
  machine_.kernel().FailAt(3, EACCES);
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kPermissionDenied);
  EXPECT_EQ(result.error_number, EACCES);
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kPermissionDenied));
}

TEST_F(PageMoverTest, AReplacedProcessIsNeverCalledForAgain) {
  process_->AddPages(kBase, 8, 0);
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  ASSERT_TRUE(handle.ok());
  const auto stranger = machine_.Replace(100);
  stranger->AddPages(kBase, 8, 0);
  const BatchResult result =
      PageMover(machine_.kernel(), machine_.clock(), kFakePage).Move(*handle, Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kReplaced);
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kIdentityChanged));
  EXPECT_EQ(stranger->PagesOn(0), 8);
}

TEST_F(PageMoverTest, AStrangersPagesAreNeverCountedAsMoved) {
  // The PID is reused between the check and the call, so the call affects the new process.
  process_->AddPages(kBase, 8, 0);
  machine_.kernel().RunAt(2, [&] { machine_.Replace(100)->AddPages(kBase, 8, 0); });
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.stop, MoveStop::kReplaced);
  EXPECT_THAT(result.outcomes, Each(PageOutcome::kIdentityChanged));
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 1);
}

TEST_F(PageMoverTest, MeasuresItsCalls) {
  process_->AddPages(kBase, 8, 0);
  Page(0).pinned = true;
  machine_.kernel().set_time_per_page(absl::Milliseconds(1));
  const BatchResult result = Move(Moves(8));
  EXPECT_EQ(result.calls.Count(), 1);
  EXPECT_EQ(result.calls.total, absl::Milliseconds(8));
  EXPECT_EQ(result.calls.longest, absl::Milliseconds(8));
}

TEST_F(PageMoverTest, QueryReturnsTheNodeOfEachPage) {
  process_->AddPages(kBase, 3, 0);
  Page(1).node = 1;
  Page(2).swapped = true;
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  const PageMover mover(machine_.kernel(), machine_.clock(), kFakePage);
  EXPECT_THAT(mover.Query(*handle, Moves(3)), ElementsAre(0, 1, -ENOENT));
  machine_.Exit(100);
  EXPECT_THAT(mover.Query(*handle, Moves(3)), ElementsAre());
}

}  // namespace
}  // namespace numalocality::page_mover_test
