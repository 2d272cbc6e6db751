#include "agent/http/container_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/http/metrics.h"

namespace numalocality::container_metrics_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kRemote[] = "numa_locality_container_remote_bytes";

// A container on node 1 with so many bytes on node 0.
std::shared_ptr<WorkloadReport> Container(const std::string& name, int64_t remote_bytes) {
  auto workload = std::make_shared<WorkloadReport>();
  workload->placement.workload.names = {"ns", "pod", name};
  workload->placement.home_nodes = {NodeId{1}};
  workload->placement.memory.Add(NodeId{0}, MemoryKind::kAnon, remote_bytes);
  return workload;
}

// On a host whose nodes 0 and 1 have CPUs and whose node 2 has none.
std::string TextOf(const std::vector<std::shared_ptr<const WorkloadReport>>& workloads,
                   const HttpOptions& options = {}) {
  LocalityReport report;
  report.workloads = workloads;
  for (const int node : {0, 1, 2}) report.topology.nodes[NodeId{node}].has_memory = true;
  for (const int node : {0, 1}) report.topology.nodes[NodeId{node}].cpus.Insert(CpuId{node});
  return MetricsText(CollectContainerMetrics(report, options));
}

// Of the containers that have series.
std::vector<std::string> NamesIn(const std::string& text) {
  std::vector<std::string> names;
  const std::string start = absl::StrCat(kRemote, "{namespace=\"ns\",pod=\"pod\",container=\"");
  for (size_t at = 0; (at = text.find(start, at)) != std::string::npos; ++at) {
    const size_t begin = at + start.size();
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

TEST(ContainerMetricsTest, CountsThoseThatAreTooLargeToSample) {
  const auto large = Container("a", 10);
  large->placement.state = PlacementState::kTooLarge;
  EXPECT_THAT(TextOf({large, Container("b", 10)}),
              HasSubstr("\nnuma_locality_containers_too_large_to_sample 1\n"));
}

TEST(ContainerMetricsTest, ThoseWithMostRemoteBytesHaveSeries) {
  const std::string text =
      TextOf({Container("a", 10), Container("b", 30), Container("c", 0), Container("d", 20)},
             {.address = "", .container_series = true, .max_containers = 2});
  EXPECT_THAT(NamesIn(text), ElementsAre("b", "d"));
  EXPECT_THAT(text, HasSubstr("\nnuma_locality_containers 4\n"));
  EXPECT_THAT(text, HasSubstr("\nnuma_locality_containers_without_series 2\n"));
}

TEST(ContainerMetricsTest, WithoutSeriesOnlyTheirNumberIsReported) {
  const std::string text = TextOf({Container("a", 10)}, {.address = "", .container_series = false});
  EXPECT_THAT(text, Not(HasSubstr("numa_locality_container_")));
  EXPECT_THAT(text, HasSubstr("\nnuma_locality_containers 1\n"));
  EXPECT_THAT(text, HasSubstr("\nnuma_locality_containers_without_series 1\n"));
}

TEST(ContainerMetricsTest, SandboxesDoNotCount) {
  const auto sandbox = Container("", 10);
  sandbox->placement.workload.role = ContainerRole::kSandbox;
  const std::string text = TextOf({sandbox, Container("a", 1)});
  EXPECT_THAT(NamesIn(text), ElementsAre("a"));
  EXPECT_THAT(text, HasSubstr("\nnuma_locality_containers 1\n"));
}

TEST(ContainerMetricsTest, UnknownNamesHaveTheUidAndTheIdInstead) {
  const auto unknown = Container("", 1);
  unknown->placement.workload.names = {};
  unknown->placement.workload.container =
      ContainerRef{"uid-1", std::string(64, 'a'), QosClass::kBurstable};
  EXPECT_THAT(TextOf({unknown}),
              HasSubstr("{namespace=\"\",pod=\"uid-1\",container=\"aaaaaaaaaaaa\","));
  const auto cgroup = Container("", 1);
  cgroup->placement.workload.names = {};
  cgroup->placement.workload.cgroup_path = "/system.slice/x.service";
  EXPECT_THAT(TextOf({cgroup}),
              HasSubstr("{namespace=\"\",pod=\"\",container=\"/system.slice/x.service\","));
}

TEST(ContainerMetricsTest, LabelsAreEscapedAndUtf8) {
  EXPECT_THAT(TextOf({Container("a\"b\\c", 1)}), HasSubstr(R"(container="a\"b\\c")"));
  EXPECT_THAT(TextOf({Container("a\nb\xff", 1)}), HasSubstr(R"(container="a\\u000ab\\u00ff")"));
}

TEST(ContainerMetricsTest, TwoOfOneNameHaveOneSetOfSeries) {
  const std::string text = TextOf({Container("a", 1), Container("a", 2)});
  EXPECT_THAT(text, HasSubstr("reason=\"repairable\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("reason=\"repairable\"} 1\n")));
}

TEST(ContainerMetricsTest, WithoutAHomeNothingIsCalledRemote) {
  const auto homeless = Container("a", 5);
  homeless->placement.home_nodes = {};
  const std::string text = TextOf({homeless});
  EXPECT_THAT(text, HasSubstr("numa_locality_container_memory_bytes{"));
  EXPECT_THAT(text, Not(HasSubstr("numa_locality_container_local_fraction{")));
  EXPECT_THAT(text, Not(HasSubstr("numa_locality_container_remote_bytes{")));
}

TEST(ContainerMetricsTest, WhereHomesDifferEachProcessHasItsOwn) {
  const auto workload = Container("a", 100);
  workload->placement.home_nodes = {NodeId{0}, NodeId{1}};
  workload->placement.memory.Add(NodeId{1}, MemoryKind::kAnon, 100);
  for (const int home : {0, 1}) {
    ProcessPlacement& process = workload->placement.processes.emplace_back();
    process.home_nodes = {NodeId{home}};
    process.memory.Add(NodeId{0}, MemoryKind::kAnon, 40 + home);
    process.memory.Add(NodeId{1}, MemoryKind::kAnon, 60);
  }
  const std::string text = TextOf({workload});
  EXPECT_THAT(text, HasSubstr("reason=\"repairable\"} 101\n")) << "60 of one, 41 of the other";
}

TEST(ContainerMetricsTest, WhatIsOnNodesWithoutCpusIsNotRepairable) {
  const auto workload = Container("a", 10);
  workload->placement.memory.Add(NodeId{2}, MemoryKind::kAnon, 30);
  workload->placement.memory.Add(NodeId{2}, MemoryKind::kFile, 5);
  std::string text = TextOf({workload});
  EXPECT_THAT(text, HasSubstr("reason=\"repairable\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("reason=\"memory_only_node\"} 30\n"));
  EXPECT_THAT(text, HasSubstr("reason=\"page_cache\"} 5\n"));
  for (const int home : {0, 1}) {
    ProcessPlacement& process = workload->placement.processes.emplace_back();
    process.home_nodes = {NodeId{home}};
    process.memory.Add(NodeId{0}, MemoryKind::kAnon, 7);
    process.memory.Add(NodeId{2}, MemoryKind::kShmem, 4);
  }
  text = TextOf({workload});
  EXPECT_THAT(text, HasSubstr("reason=\"repairable\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("reason=\"memory_only_node\"} 8\n"));
}

}  // namespace
}  // namespace numalocality::container_metrics_test
