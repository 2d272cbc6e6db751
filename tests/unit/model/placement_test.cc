#include "agent/model/placement.h"

#include <gtest/gtest.h>

namespace numalocality::placement_test {
namespace {

TEST(LocalFractionTest, CountsAnonAndShmemOnHomeNodes) {
  WorkloadPlacement placement;
  placement.home_nodes = {NodeId{1}};
  placement.memory.Add(NodeId{1}, MemoryKind::kAnon, 300);
  placement.memory.Add(NodeId{1}, MemoryKind::kShmem, 100);
  placement.memory.Add(NodeId{0}, MemoryKind::kAnon, 600);
  placement.memory.Add(NodeId{0}, MemoryKind::kFile, 5000);     // page cache is nobody's
  placement.memory.Add(NodeId{1}, MemoryKind::kHugetlb, 5000);  // nor are pools
  EXPECT_DOUBLE_EQ(*placement.LocalFraction(), 0.4);
  placement.home_nodes = {NodeId{0}, NodeId{1}};
  EXPECT_DOUBLE_EQ(*placement.LocalFraction(), 1.0);
}

TEST(LocalFractionTest, IsUnknownWithoutMemoryOrHome) {
  WorkloadPlacement placement;
  placement.home_nodes = {NodeId{1}};
  EXPECT_EQ(placement.LocalFraction(), std::nullopt);
  placement.memory.Add(NodeId{1}, MemoryKind::kFile, 100);
  EXPECT_EQ(placement.LocalFraction(), std::nullopt);
  placement.memory.Add(NodeId{1}, MemoryKind::kAnon, 100);
  placement.home_nodes = {};
  EXPECT_EQ(placement.LocalFraction(), std::nullopt);
}

TEST(MemoryByNodeTest, AddsUp) {
  MemoryByNode a;
  a.Add(NodeId{0}, MemoryKind::kAnon, 1);
  MemoryByNode b;
  b.Add(NodeId{0}, MemoryKind::kAnon, 2);
  b.Add(NodeId{3}, MemoryKind::kFile, 4);
  a.Add(b);
  EXPECT_EQ(a.Bytes(kAllKinds), 7);
  EXPECT_EQ(a.Bytes(kPrivateKinds), 3);
  EXPECT_EQ(a.BytesOn({NodeId{3}}, kAllKinds), 4);
  EXPECT_EQ(a.BytesOn({NodeId{9}}, kAllKinds), 0);
}

TEST(WorkloadPlacementTest, APresumedSandboxIsSmall) {
  WorkloadPlacement placement;
  placement.process_count = placement.thread_count = 1;
  EXPECT_FALSE(placement.IsSandbox());
  placement.workload.role = ContainerRole::kApp;
  EXPECT_FALSE(placement.IsSandbox());
  placement.workload.role = ContainerRole::kPresumedSandbox;
  placement.memory.Add(NodeId{0}, MemoryKind::kFile, 2 * kMostSandboxBytes);
  placement.memory.Add(NodeId{0}, MemoryKind::kAnon, kMostSandboxBytes - 1);
  EXPECT_TRUE(placement.IsSandbox()) << "the page cache of the runtime may be charged to it";
  placement.memory.Add(NodeId{1}, MemoryKind::kShmem, 1);
  EXPECT_FALSE(placement.IsSandbox());
  placement.workload.role = ContainerRole::kSandbox;
  EXPECT_TRUE(placement.IsSandbox());
  placement.thread_count = 2;
  EXPECT_FALSE(placement.IsSandbox());
}

}  // namespace
}  // namespace numalocality::placement_test
