// Placements as people read them: topology, top and explain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cli/localityctl/evacuate_command.h"
#include "agent/cli/localityctl/explain_command.h"
#include "agent/cli/localityctl/top_command.h"
#include "agent/cli/localityctl/topology_command.h"
#include "tests/unit/cli/parse.h"

namespace numalocality::localityctl::placement_text_test {
namespace {

using ::testing::HasSubstr;

TEST(TopologyTextTest, ShowsWhatIsMissingAsDashes) {
  const auto topology = Parse<v1::Topology>(R"pb(
    nodes {
      node_id: 0
      cpu_ids: [ 0, 1, 2, 3 ]
      has_memory: true
      total_bytes: 4294967296
      free_bytes: 1073741824
      distances { node_id: 0 distance: 10 }
      distances { node_id: 2 distance: 21 }
    }
    nodes {
      node_id: 2
      has_memory: true
      total_bytes: 8589934592
      distances { node_id: 0 distance: 21 }
      distances { node_id: 2 distance: 10 }
    }
    nodes {
      node_id: 8
      cpu_ids: [ 4, 6 ]
    }
  )pb");
  EXPECT_EQ(TopologyText(topology),
            "NODE   CPUS    MEMORY      FREE   TO 0   TO 2   TO 8\n"
            "   0   0-3    4.0 GiB   1.0 GiB     10     21      -\n"
            "   2   -      8.0 GiB       0 B     21     10      -\n"
            "   8   4,6          -         -      -      -      -\n");
}

TEST(PlacementsTextTest, HasARowForEachKindOfWorkload) {
  const auto list = Parse<v1::ListPlacementsResponse>(R"pb(
    placements {
      workload {
        pod_uid: "uid-1"
        qos_class: QOS_CLASS_GUARANTEED
        container_id: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      }
      cpu_ids: [ 2, 3 ]
      home_node_ids: 1
      allowed_node_ids: [ 0, 1 ]
      node_usages { node_id: 0 anon_bytes: 268435456 file_bytes: 999999999 }
      node_usages { node_id: 1 anon_bytes: 4096 shmem_bytes: 4096 }
      local_fraction: 0.00003
    }
    placements {
      workload { cgroup_path: "/system.slice/a.service" }
      cpu_ids: 0
      home_node_ids: 0
      incomplete: true
    }
    placements {
      workload { pid: 12 cgroup_path: "/" }
      hidden_process_count: 3
      unlocated_bytes: 8192
    }
  )pb");
  EXPECT_EQ(
      PlacementsText(list.placements()),
      "POD     CONTAINER                 QOS          CPUS   HOME      NODE 0    NODE 1   LOCAL  "
      "    REMOTE\n"
      "uid-1   0123456789ab              Guaranteed   2-3    1      256.0 MiB   8.0 KiB    0.0%  "
      " 256.0 MiB\n"
      "-       /system.slice/a.service   -            0      0            0 B       0 B       -  "
      "         -\n"
      "-       process 12                -            -      -            0 B       0 B       -  "
      "         -\n"
      "Note: cgroup /system.slice/a.service: incomplete, as new processes appeared while it was "
      "read\n"
      "Note: process 12: 3 processes are outside the agent's PID namespace and cannot be moved\n"
      "Note: process 12: 8.0 KiB are missing in this table: the kernel does not report their node, "
      "as automatic NUMA balancing marked the pages or the process made them inaccessible\n");
}

TEST(PlacementsTextTest, NamesDecisionsAndHomesOfProcessesOnALargeMachine) {
  const auto list = Parse<v1::ListPlacementsResponse>(R"pb(
    placements {
      workload {
        pod_uid: "uid-1"
        pod_namespace: "prod"
        pod_name: "db-0"
        container_name: "db"
        container_id: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        qos_class: QOS_CLASS_BURSTABLE
      }
      cpu_ids: [ 0, 1 ]
      home_node_ids: [ 0, 1 ]
      allowed_node_ids: [ 0, 1, 2, 3, 4 ]
      node_usages { node_id: 0 anon_bytes: 4096 }
      node_usages { node_id: 1 anon_bytes: 4096 }
      processes {
        pid: 7
        home_node_ids: 1
        node_usages { node_id: 0 anon_bytes: 4096 }
        node_usages { node_id: 1 anon_bytes: 4096 }
      }
      local_fraction: 0.5
      decision { verdict: REPAIR_VERDICT_LEAVE reason: REPAIR_REASON_TOO_LITTLE }
    }
  )pb");
  EXPECT_EQ(PlacementsText(list.placements()),
            "POD         CONTAINER   QOS         CPUS   HOME    MEMORY   LOCAL    REMOTE   "
            "DECISION\n"
            "prod/db-0   db          Burstable   0-1    0-1    8.0 KiB   50.0%   4.0 KiB   "
            "leave: too little\n");
}

TEST(PlacementsTextTest, SaysSoWhenThereIsNothing) {
  EXPECT_EQ(PlacementsText({}), "No containers.\n");
}

// A container may choose the names of its cgroups.
TEST(PlacementsTextTest, EscapesControlCharacters) {
  v1::ListPlacementsResponse list;
  list.add_placements()->mutable_workload()->set_cgroup_path("/a\033[2Jb");
  EXPECT_THAT(PlacementsText(list.placements()), HasSubstr("/a\\u001b[2Jb"));
}

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
            "  CPUs 4-5, home node 1; cpuset.mems allows node 0-1\n"
            "  memory: 3.0 MiB on node 0, 1.0 MiB on node 1\n"
            "  process 7: 50.0% local, CPUs 4, home node 1; memory: none\n"
            "\n"
            "3.0 MiB remote, page cache and hugetlb pages included; from a sample of 4096 pages, "
            "+-1.5% of its memory:\n"
            "  REASON         BYTES   SHARE   WHAT TO DO\n"
            "  repairable   2.0 MiB   66.7%   Bring it home\n"
            "  page cache   1.0 MiB   33.3%   Nothing\n"
            "  repairable: 2.0 MiB on node 0\n"
            "\n"
            "Circumstances that contribute:\n"
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
              HasSubstr("  No memory is remote: from all of its pages (complete)\n"));
}

TEST(EvacuationPlanTextTest, NamesWhatMovesAndWhatCannot) {
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
            "  WORKLOAD      MOVES   TO    REASON\n"
            "  cgroup /a   1.0 MiB   1-2   -\n"
            "  cgroup /b       0 B   -     CPUSET_FORBIDS: cpuset.mems allows node 0\n"
            "  1.0 MiB of 1 workload in all.\n");
  EXPECT_EQ(EvacuationPlanText({}, 3), "No workload has memory on node 3 that can be moved.\n");
}

}  // namespace

}  // namespace numalocality::localityctl::placement_text_test
