#include "agent/cli/localityctl/explanation_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cli/localityctl/evacuation_text.h"
#include "tests/unit/cli/parse.h"

namespace numalocality::localityctl::explanation_text_test {
namespace {

using ::testing::HasSubstr;

TEST(ExplanationsTextTest, HasALineAReasonAndWhatToDo) {
  const auto response = Parse<v1::ExplainPlacementResponse>(R"pb(
    explanations {
      placement {
        workload { pod_uid: "uid-1" container_id: "pause" }
        is_sandbox: true
      }
    }
    explanations {
      placement {
        workload { pod_uid: "uid-1" container_id: "0123456789abcdef" }
        cpu_ids: [ 4, 5 ]
        home_node_ids: 1
        allowed_node_ids: [ 0, 1 ]
        node_usages { node_id: 0 anon_bytes: 3145728 }
        node_usages { node_id: 1 anon_bytes: 1048576 }
        local_fraction: 0.25
        processes { pid: 7 cpu_ids: 4 home_node_ids: 1 local_fraction: 0.5 }
      }
      sampled_page_count: 4096
      error_bound: 0.0153
      parts {
        reason: REMOTE_REASON_REPAIRABLE
        bytes: 2097152
        advice: "Bring it home"
        detail: "2.0 MiB on node 0"
      }
      parts { reason: REMOTE_REASON_PAGE_CACHE bytes: 1048576 advice: "Nothing" }
      circumstances { message: "balancing is on" advice: "Switch it off" }
    }
  )pb");
  EXPECT_EQ(ExplanationsText(response),
            "pod uid-1 container 0123456789ab: 25.0% local\n"
            "  CPUs 4-5, home is node 1; cpuset.mems allows node 0-1\n"
            "  memory: 3.0 MiB on node 0, 1.0 MiB on node 1\n"
            "  process 7: 50.0% local, CPUs 4, home is node 1; memory: none\n"
            "\n"
            "3.0 MiB remote, page cache and hugetlb pages included; sampled 4096 pages, +-1.5% of "
            "its memory:\n"
            "  REASON         BYTES   SHARE   WHAT TO DO\n"
            "  repairable   2.0 MiB   66.7%   Bring it home\n"
            "  page cache   1.0 MiB   33.3%   Nothing\n"
            "  repairable: 2.0 MiB on node 0\n"
            "\n"
            "What plays a part:\n"
            "  balancing is on\n"
            "    -> Switch it off\n");
}

TEST(ExplanationsTextTest, SaysSoWhenNothingIsRemote) {
  const auto response = Parse<v1::ExplainPlacementResponse>(R"pb(
    explanations {
      placement {
        workload { pid: 7 }
        cpu_ids: 4
        home_node_ids: 1
        local_fraction: 1
      }
      complete: true
    }
  )pb");
  EXPECT_THAT(ExplanationsText(response),
              HasSubstr("  Nothing of it is remote: by all of its pages (complete)\n"));
}

TEST(EvacuationPlanTextTest, NamesWhatStays) {
  const auto plan = Parse<v1::Migration>(R"pb(
    page_bytes: 4096
    workloads {
      workload { cgroup_path: "/a" }
      planned_page_count: 256
      target_node_ids: [ 1, 2 ]
    }
    workloads {
      workload { cgroup_path: "/b" }
      reason: MIGRATION_REASON_CPUSET_FORBIDS
      message: "cpuset.mems allows node 0"
    }
  )pb");
  EXPECT_EQ(EvacuationPlanText(plan, 0),
            "To free node 0, in this order:\n"
            "  WORKLOAD      MOVES   TO    WHAT STAYS, AND WHY\n"
            "  cgroup /a   1.0 MiB   1-2   -\n"
            "  cgroup /b       0 B   -     CPUSET_FORBIDS: cpuset.mems allows node 0\n"
            "  1.0 MiB of 1 workload in all.\n");
  EXPECT_EQ(EvacuationPlanText({}, 3), "No workload has memory on node 3 that could be moved.\n");
}

}  // namespace
}  // namespace numalocality::localityctl::explanation_text_test
