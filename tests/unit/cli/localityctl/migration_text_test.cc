// Migrations as people read them: lists, results and plans.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/cli/localityctl/migration_text.h"
#include "tests/unit/cli/parse.h"

namespace numalocality::localityctl::migration_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Migration Partial() {
  return Parse<v1::Migration>(R"pb(
    id: "6b02-1"
    state: MIGRATION_STATE_PARTIAL
    reason: MIGRATION_REASON_NO_ROOM
    message: "node 1 has 10.0 MiB free"
    page_bytes: 4096
    create_time { seconds: 1700000000 nanos: 5 }
    start_time { seconds: 1700000001 }
    end_time { seconds: 1700000002 nanos: 240000000 }
    workloads {
      workload { pod_uid: "uid-1" container_id: "0123456789abcdef" }
      state: MIGRATION_STATE_PARTIAL
      reason: MIGRATION_REASON_NO_ROOM
      message: "node 1 has 10.0 MiB free"
      target_node_ids: 1
      planned_page_count: 1024
      outcomes { outcome: PAGE_OUTCOME_MOVED page_count: 768 }
      outcomes { outcome: PAGE_OUTCOME_SHARED page_count: 24 }
      outcomes { outcome: PAGE_OUTCOME_NO_MEMORY page_count: 232 advice: "make room" }
      examined_page_count: 1024
      on_target_page_count: 700
      drifted_page_count: 68
      drift_causes { cause: "the moon is full" remedy: "stay in" }
      before { node_id: 0 anon_bytes: 4194304 }
      after { node_id: 0 anon_bytes: 1327104 }
      after { node_id: 1 shmem_bytes: 2867200 }
      process_count: 3
      vanished_process_count: 1
      move_call_count: 12
      move_call_time { nanos: 42500000 }
      longest_move_call { nanos: 9000000 }
      scan_method: SCAN_METHOD_PRESENCE
      cross_check {
        verdict: CROSS_CHECK_VERDICT_AGREES
        nodes { node_id: 0 before_bytes: 4194304 after_bytes: 1048576 moved_bytes: -3145728 }
        nodes { node_id: 1 after_bytes: 3145728 moved_bytes: 3145728 }
        tolerance_bytes: 1048576
      }
    }
  )pb");
}

TEST(MigrationsTextTest, HasALineForEachMigration) {
  v1::ListMigrationsResponse list;
  *list.add_migrations() = Partial();
  list.mutable_migrations(0)->add_workloads();
  *list.add_migrations() = Parse<v1::Migration>(R"pb(
    id: "6b02-2"
    state: MIGRATION_STATE_PENDING
    page_bytes: 4096
    create_time { seconds: 1700000003 }
    workloads { workload { pid: 12 } }
  )pb");
  EXPECT_EQ(MigrationsText(list.migrations()),
            "ID       STATE     REASON    WORKLOAD                                        MOVED   "
            "PLANNED     TIME   CREATED\n"
            "6b02-1   PARTIAL   NO_ROOM   pod uid-1 container 0123456789ab and 1 more   3.0 MiB   "
            "4.0 MiB   1.24 s   2023-11-14T22:13:20Z\n"
            "6b02-2   PENDING   -         process 12                                        0 B   "
            "    0 B        -   2023-11-14T22:13:23Z\n");
}

// The line about the cross-check.
std::string CrossCheckLine(const std::string& cross_check) {
  const std::string text =
      ResultText(Parse<v1::Migration>("workloads { cross_check { " + cross_check + "} }"));
  const size_t begin = text.find("  Cross-check");
  return begin == std::string::npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
}

TEST(ResultTextTest, ShowsStateOutcomesMemoryAndCost) {
  EXPECT_EQ(ResultText(Partial()),
            "Migration 6b02-1: PARTIAL after 1.24 s\n"
            "\n"
            "pod uid-1 container 0123456789ab to node 1: PARTIAL, NO_ROOM: node 1 has 10.0 MiB "
            "free\n"
            "  PAGES       BYTES   OUTCOME\n"
            "    768     3.0 MiB   moved\n"
            "     24    96.0 KiB   shared\n"
            "    232   928.0 KiB   no memory on the target\n"
            "   1024     4.0 MiB   in all\n"
            "  no memory on the target: make room.\n"
            "\n"
            "  NODE    BEFORE     AFTER\n"
            "     0   4.0 MiB   1.3 MiB\n"
            "     1       0 B   2.7 MiB\n"
            "\n"
            "  70.0% of the wanted pages are on node 1 (700 of 1000)\n"
            "  68 pages drifted: they left the target after the move, or were replaced by memory "
            "allocated elsewhere.\n"
            "    likely cause: the moon is full\n"
            "    what stops it: stay in\n"
            "  Cross-check with memory.numa_stat agrees to within 1.0 MiB: node 0 -3.0 MiB, node 1 "
            "+3.0 MiB.\n"
            "  Processes: 3, of which 1 exited during the migration. Pages found by: presence.\n"
            "  Kernel calls: 12 in 42.5 ms, the longest 9.0 ms.\n");
}

TEST(ResultTextTest, ShowsEveryVerdictOfTheCrossCheck) {
  EXPECT_EQ(CrossCheckLine("verdict: CROSS_CHECK_VERDICT_DISAGREES note: 'far off'"),
            "  Cross-check disagrees: far off.");
  EXPECT_EQ(CrossCheckLine("verdict: CROSS_CHECK_VERDICT_TOO_COARSE note: 'too little'"),
            "  Cross-check is too coarse: too little.");
  EXPECT_EQ(CrossCheckLine("verdict: CROSS_CHECK_VERDICT_UNAVAILABLE note: 'the root cgroup'"),
            "  Cross-check is not available: the root cgroup.");
  EXPECT_EQ(CrossCheckLine(""), "");
}

TEST(ResultTextTest, SaysSoWhenThereIsNoPageToMove) {
  const auto text = ResultText(Parse<v1::Migration>(R"pb(
    id: "1"
    state: MIGRATION_STATE_SUCCEEDED
    workloads {
      workload { pid: 12 }
      state: MIGRATION_STATE_SUCCEEDED
      process_count: 1
    }
  )pb"));
  EXPECT_THAT(text, HasSubstr("process 12: SUCCEEDED\n"));
  EXPECT_THAT(text, HasSubstr("The workload has no page to move."));
}

TEST(ResultTextTest, ShowsVerificationsHoldsAndWaits) {
  const auto text = ResultText(Parse<v1::Migration>(R"pb(
    id: "1"
    page_bytes: 4096
    workloads {
      workload { pid: 12 }
      target_node_ids: 1
      outcomes { outcome: PAGE_OUTCOME_MOVED page_count: 1000 }
      examined_page_count: 1000
      on_target_page_count: 990
      verifications {
        after {}
        on_target_page_count: 1000
      }
      verifications {
        after { seconds: 10 }
        on_target_page_count: 990
        drifted_page_count: 10
      }
      room_note: "8.0 MiB took the place of page cache."
      sharing_note: "Shared pages stay: process 7 may map them."
      stick_note: "cpuset.mems is 1 now."
      moved_huge_page_count: 3
      split_huge_page_count: 1
      hold_count: 5
      hold_time { nanos: 50000000 }
      longest_hold { nanos: 12000000 }
      bandwidth_wait_time { seconds: 2 }
    }
  )pb"));
  EXPECT_THAT(text, HasSubstr("    AFTER   ON TARGET   DRIFTED\n"
                              "   0.0 ms      100.0%         0\n"
                              "  10.00 s       99.0%        10\n"));
  EXPECT_THAT(text, HasSubstr("\n  8.0 MiB took the place of page cache.\n"
                              "  Shared pages stay: process 7 may map them.\n"
                              "  cpuset.mems is 1 now.\n"));
  EXPECT_THAT(text, HasSubstr("Huge pages: 3 stayed whole, 1 were split.\n"));
  EXPECT_THAT(text, HasSubstr("Held 5 times, 50.0 ms in all, the longest 12.0 ms.\n"));
  EXPECT_THAT(text, HasSubstr("Waited 2.00 s for the bandwidth limit.\n"));
  EXPECT_THAT(text, Not(HasSubstr("memory pressure")));
}

TEST(PlanTextTest, ShowsWhatWouldMoveAndWhatCannot) {
  EXPECT_EQ(PlanText(Parse<v1::Migration>(R"pb(
              page_bytes: 4096
              workloads {
                workload { pid: 12 }
                target_node_ids: [ 1, 2 ]
                planned_page_count: 256
                before { node_id: 0 anon_bytes: 1048576 }
              }
              workloads {
                workload { pid: 13 }
                reason: MIGRATION_REASON_PERMISSION_DENIED
                message: "no way"
              }
            )pb")),
            "This is a plan; nothing was moved.\n"
            "\n"
            "process 12: would move 256 pages (1.0 MiB) to node 1-2\n"
            "  NODE       NOW\n"
            "     0   1.0 MiB\n"
            "\n"
            "process 13: would move 0 pages (0 B); cannot move it: PERMISSION_DENIED: no way\n");
}

}  // namespace

}  // namespace numalocality::localityctl::migration_text_test
