// For any memory layout and any fault of the kernel, the outcome of every page corresponds to the
// node on which the page really is.
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "agent/os/act/page_mover.h"
#include "tests/unit/fake/dice.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::page_mover_property_test {
namespace {

constexpr uint64_t kBase = 0x10000000;
constexpr int kTarget = 1;

// No fault, an errno in a call, or the process exits before a call.
void AddFault(FakeMachine& machine, pid_t pid, Dice& dice) {
  const int first = machine.kernel().CallCount() + 1;
  const int number = first + dice.Below(dice.Of<int>({1, 3, 10}));
  switch (dice.Below(4)) {
    case 0:
      machine.kernel().FailAt(number, dice.Of<int>({EPERM, ENOSYS, EACCES, ENOMEM, ENODEV, EFAULT}),
                              static_cast<size_t>(dice.Below(20)));
      break;
    case 1:
      machine.kernel().RunAt(number, [&machine, pid, replace = dice.OneIn(2)] {
        if (replace) {
          machine.Replace(pid)->AddPages(kBase, 64, 0);
        } else {
          machine.Exit(pid);
        }
      });
      break;
    default: break;
  }
}

std::vector<PageMove> MakeScenario(FakeMachine& machine, FakeProcess& process, Dice& dice) {
  std::vector<PageMove> moves;
  FillAtRandom(process, dice, kBase, dice.Of<int>({1, 10, 200}), {0, 0, 0, 1, 2});
  for (const FakeMapping& mapping : process.mappings) {
    for (uint64_t at = mapping.range.start; at < mapping.range.end; at += kFakePage) {
      if (!dice.OneIn(10)) moves.push_back({at, NodeId{0}, NodeId{kTarget}});
    }
  }
  machine.kernel().AddNode(kTarget, 100000, dice.OneIn(3) ? dice.Below(300) : 100000);
  if (dice.OneIn(20)) process.allowed_nodes = NodeSet{NodeId{0}};
  AddFault(machine, process.pid, dice);
  return moves;
}

// Whether the page is on its target.
bool IsOnTarget(const FakeProcess& process, uint64_t address) {
  const auto page = process.pages.find(address);
  return page != process.pages.end() && !page->second->swapped && !page->second->zero_page &&
         page->second->node == kTarget;
}

void CheckOutcomes(const FakeProcess& process, const std::vector<PageMove>& moves,
                   const BatchResult& result, bool exact) {
  ASSERT_EQ(result.outcomes.size(), moves.size());
  for (size_t i = 0; i < result.outcomes.size(); ++i) {
    const bool moved = result.outcomes[i] == PageOutcome::kMoved;
    const bool on_target = IsOnTarget(process, moves[i].address);
    ASSERT_FALSE(moved && !on_target) << "page " << i << " counted as moved is elsewhere";
    // A page that could not be moved may have moved together with a later page, so the caller
    // queries again.
    const bool is_stuck =
        result.outcomes[i] == PageOutcome::kBusy || result.outcomes[i] == PageOutcome::kPinned;
    ASSERT_FALSE(exact && on_target && !moved && !is_stuck)
        << "page " << i << " has moved, and counts as " << WordsOf(result.outcomes[i]);
    ASSERT_NE(result.outcomes[i], PageOutcome::kAlreadyThere);
    if (result.stop == MoveStop::kNone) {
      ASSERT_NE(result.outcomes[i], PageOutcome::kNotAttempted);
      ASSERT_NE(result.outcomes[i], PageOutcome::kNoMemory);
    }
    if (result.outcomes[i] == PageOutcome::kPinned && result.stop == MoveStop::kNone) {
      ASSERT_TRUE(process.pages.at(moves[i].address)->pinned) << "page " << i;
    }
  }
}

TEST(PageMoverPropertyTest, OutcomesAreTrue) {
  FakeMachine machine({{0, "0-3"}, {1, "4-7"}, {2, "8-11"}});
  for (int run = 0; run < ScenarioCount(3000); ++run) {
    const uint64_t seed = FirstSeed() + static_cast<uint64_t>(run);
    SCOPED_TRACE(testing::Message() << "repeat with SEED=" << seed);
    Dice dice(seed);
    const pid_t pid = 1000 + run;
    const auto process = machine.AddProcess(pid);
    const auto handle = ProcessHandle::Open(machine.kernel(), machine.host(), pid);
    ASSERT_TRUE(handle.ok());
    const std::vector<PageMove> moves = MakeScenario(machine, *process, dice);
    const int failed_queries = machine.kernel().failed_query_count();

    const BatchResult result =
        PageMover(machine.kernel(), machine.clock(), kFakePage).Move(*handle, moves);
    machine.kernel().ClearFaults();
    machine.Exit(pid);

    // If the pages can no longer be queried, a moved page may get the outcome of the stop.
    const bool lost = result.stop == MoveStop::kExited || result.stop == MoveStop::kReplaced;
    const bool exact = !lost && machine.kernel().failed_query_count() == failed_queries;
    CheckOutcomes(*process, moves, result, exact);
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_EQ(machine.kernel().calls_without_pid(), 0);
    ASSERT_EQ(machine.kernel().Memory(kTarget).moves_after_no_memory, 0);
  }
}

}  // namespace
}  // namespace numalocality::page_mover_property_test
