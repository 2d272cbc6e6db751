#include "agent/http/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/version.h"

namespace numalocality::metrics_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMiB = int64_t{1} << 20;

std::string TextOf(const MetricsInput& input) { return MetricsText(CollectMetrics(input)); }

// One container on two nodes, its CPUs on node 1.
std::shared_ptr<const LocalityReport> SmallReport() {
  auto workload = std::make_shared<WorkloadReport>();
  workload->placement.workload.names = {"prod", "db-0", "postgres"};
  workload->placement.home_nodes = {NodeId{1}};
  workload->placement.memory.Add(NodeId{0}, MemoryKind::kAnon, 100 * kMiB);
  workload->placement.memory.Add(NodeId{0}, MemoryKind::kFile, 7 * kMiB);
  workload->placement.memory.Add(NodeId{1}, MemoryKind::kAnon, 300 * kMiB);
  auto report = std::make_shared<LocalityReport>();
  report->cpu_time = absl::Microseconds(1500);
  for (const int node : {0, 1}) {
    report->topology.nodes[NodeId{node}].has_memory = true;
    report->topology.nodes[NodeId{node}].cpus.Insert(CpuId{node});
    report->topology.nodes[NodeId{node}].free_bytes = (5 + node) * kMiB;
  }
  report->topology.nodes[NodeId{2}].has_memory = false;
  report->workloads.push_back(std::move(workload));
  return report;
}

TEST(MetricsTest, AReportAsPrometheusReadsIt) {
  MetricsInput input;
  input.report = SmallReport();
  const std::string text = TextOf(input);
  const std::string expected = R"(# HELP numa_locality_containers Containers in the latest report
# TYPE numa_locality_containers gauge
numa_locality_containers 1
# HELP numa_locality_containers_without_series Containers that have no time series, because the configuration limits their number (http.containerSeries, http.maxContainers)
# TYPE numa_locality_containers_without_series gauge
numa_locality_containers_without_series 0
# HELP numa_locality_containers_too_large_to_sample Containers with so many processes, threads, mappings or cgroups that the agent does not read them; 'localityctl explain' shows why
# TYPE numa_locality_containers_too_large_to_sample gauge
numa_locality_containers_too_large_to_sample 0
# HELP numa_locality_container_memory_bytes Memory charged to the container, by NUMA node and kind
# TYPE numa_locality_container_memory_bytes gauge
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="0",kind="anon"} 104857600
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="0",kind="shmem"} 0
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="0",kind="file"} 7340032
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="0",kind="hugetlb"} 0
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="1",kind="anon"} 314572800
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="1",kind="shmem"} 0
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="1",kind="file"} 0
numa_locality_container_memory_bytes{namespace="prod",pod="db-0",container="postgres",numa_node="1",kind="hugetlb"} 0
# HELP numa_locality_container_local_fraction Fraction of anonymous and shmem memory that is on the home nodes of the container, the nodes nearest to its CPUs, 0 to 1
# TYPE numa_locality_container_local_fraction gauge
numa_locality_container_local_fraction{namespace="prod",pod="db-0",container="postgres"} 0.75
# HELP numa_locality_container_remote_bytes Memory that is not on the home nodes of the container, by reason: repairable and memory_only_node are anonymous and shmem memory on nodes with and without CPUs; repairs move only the former
# TYPE numa_locality_container_remote_bytes gauge
numa_locality_container_remote_bytes{namespace="prod",pod="db-0",container="postgres",reason="repairable"} 104857600
numa_locality_container_remote_bytes{namespace="prod",pod="db-0",container="postgres",reason="memory_only_node"} 0
numa_locality_container_remote_bytes{namespace="prod",pod="db-0",container="postgres",reason="page_cache"} 7340032
numa_locality_container_remote_bytes{namespace="prod",pod="db-0",container="postgres",reason="hugetlb"} 0
# HELP numa_locality_node_free_bytes Free memory of each NUMA node
# TYPE numa_locality_node_free_bytes gauge
numa_locality_node_free_bytes{numa_node="0"} 5242880
numa_locality_node_free_bytes{numa_node="1"} 6291456
# HELP numa_locality_report_cpu_seconds CPU time of reading the latest report
# TYPE numa_locality_report_cpu_seconds gauge
numa_locality_report_cpu_seconds 0.0015
)";
  EXPECT_EQ(text.substr(0, expected.size()), expected);
}

TEST(MetricsTest, WhatTheAgentHasDone) {
  MetricsInput input;
  input.totals.migrations[{MigrationOrigin::kPolicy, MigrationState::kPartial}] = 3;
  input.totals.pages.Add(PageOutcome::kMoved, 1000);
  input.totals.pages.Add(PageOutcome::kNoMemory, 24);
  input.totals.moved_bytes = 4096000;
  input.totals.drifted_bytes = 8192;
  input.totals.decisions[{RepairVerdict::kWait, RepairReason::kCoolingDown}] = 5;
  input.totals.repairs_without_gain = 1;
  input.active_migrations = 2;
  input.discovery_errors = {{"cri", 7}, {"pod_resources", 0}};
  input.sockets.resize(2);
  input.sockets[0].name = "front";
  input.sockets[0].calls.running_watches = 3;
  input.sockets[0].calls.ended[{"GetPlacement", absl::StatusCode::kNotFound}] = 4;
  input.sockets[0].calls.refused[ErrorReason::kTooManyCalls] = 5;
  input.sockets[1].name = "self";
  input.sockets[1].calls.connections = 6;
  input.config_reload_ok = false;
  const std::string text = TextOf(input);
  for (const char* line :
       {"numa_locality_migrations_total{origin=\"policy\",state=\"partial\"} 3",
        "numa_locality_migrations_total{origin=\"api\",state=\"succeeded\"} 0",
        "numa_locality_migration_pages_total{outcome=\"moved\"} 1000",
        "numa_locality_migration_pages_total{outcome=\"no_memory\"} 24",
        "numa_locality_migration_pages_total{outcome=\"not_attempted\"} 0",
        "numa_locality_migration_bytes_total 4096000", "numa_locality_drift_bytes_total 8192",
        "numa_locality_repair_decisions_total{decision=\"wait\",reason=\"cooling_down\"} 5",
        "numa_locality_repairs_without_gain_total 1", "numa_locality_migrations_active 2",
        "numa_locality_discovery_errors_total{source=\"cri\"} 7",
        "numa_locality_discovery_errors_total{source=\"pod_resources\"} 0",
        "numa_locality_api_calls_active{socket=\"front\",kind=\"unary\"} 0",
        "numa_locality_api_calls_active{socket=\"front\",kind=\"watch\"} 3",
        "numa_locality_api_calls_total{socket=\"front\",method=\"GetPlacement\",code=\"NOT_FOUND\"}"
        " 4",
        "numa_locality_api_refusals_total{socket=\"front\",reason=\"too_many_calls\"} 5",
        "numa_locality_api_refusals_total{socket=\"self\",reason=\"too_many_calls\"} 0",
        "numa_locality_self_connections_active 6", "numa_locality_config_reload_success 0"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\n", line, "\n")));
  }
  EXPECT_THAT(text,
              HasSubstr(absl::StrCat("numa_locality_build_info{version=\"", kVersion, "\"} 1\n")));
  EXPECT_THAT(text, Not(HasSubstr("numa_locality_containers"))) << "without a report";
  EXPECT_THAT(text, Not(HasSubstr("process_"))) << "without figures";
}

TEST(MetricsTest, TheHistogramOfCallsIsCumulative) {
  MetricsInput input;
  input.totals.calls.Add(absl::Microseconds(50));
  input.totals.calls.Add(absl::Microseconds(100));
  input.totals.calls.Add(absl::Milliseconds(2));
  input.totals.calls.Add(absl::Seconds(3));
  EXPECT_THAT(TextOf(input), HasSubstr(R"(# TYPE numa_locality_migration_call_seconds histogram
numa_locality_migration_call_seconds_count 4
numa_locality_migration_call_seconds_sum 3.00215
numa_locality_migration_call_seconds_bucket{le="0.0001"} 2
numa_locality_migration_call_seconds_bucket{le="0.0003"} 2
numa_locality_migration_call_seconds_bucket{le="0.001"} 2
numa_locality_migration_call_seconds_bucket{le="0.003"} 3
numa_locality_migration_call_seconds_bucket{le="0.01"} 3
numa_locality_migration_call_seconds_bucket{le="0.03"} 3
numa_locality_migration_call_seconds_bucket{le="0.1"} 3
numa_locality_migration_call_seconds_bucket{le="1"} 3
numa_locality_migration_call_seconds_bucket{le="+Inf"} 4
)"));
}

TEST(MetricsTest, TheAgentsOwnFigures) {
  MetricsInput input;
  input.process = OwnProcess{.cpu_time = absl::Milliseconds(2500),
                             .resident_bytes = 12 * kMiB,
                             .open_file_count = 17,
                             .start_time = absl::FromUnixSeconds(1700000000)};
  const std::string text = TextOf(input);
  EXPECT_THAT(text, HasSubstr("\nprocess_cpu_seconds_total 2.5\n"));
  EXPECT_THAT(text, HasSubstr("\nprocess_resident_memory_bytes 12582912\n"));
  EXPECT_THAT(text, HasSubstr("\nprocess_open_fds 17\n"));
  EXPECT_THAT(text, HasSubstr("\nprocess_start_time_seconds 1700000000\n"));
}

}  // namespace
}  // namespace numalocality::metrics_test
