#include "agent/cli/localityctl/placement_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
      "Note: cgroup /system.slice/a.service: incomplete: processes were still appearing when it "
      "was read\n"
      "Note: process 12: 3 processes are outside the agent's PID namespace and cannot be moved\n"
      "Note: process 12: 8.0 KiB are on no node here: the kernel does not tell where they are, as "
      "automatic NUMA balancing has marked them or the process made them inaccessible\n");
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
TEST(PlacementsTextTest, EscapesWhatATerminalWouldObey) {
  v1::ListPlacementsResponse list;
  list.add_placements()->mutable_workload()->set_cgroup_path("/a\033[2Jb");
  EXPECT_THAT(PlacementsText(list.placements()), HasSubstr("/a\\u001b[2Jb"));
}

}  // namespace
}  // namespace numalocality::localityctl::placement_text_test
