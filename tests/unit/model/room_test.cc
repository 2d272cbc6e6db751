#include "agent/model/room.h"

#include <gtest/gtest.h>

namespace numalocality::room_test {
namespace {

constexpr int64_t kMi = int64_t{1} << 20;
constexpr int64_t kGi = int64_t{1} << 30;

TEST(ReserveBytesTest, EachNodeHasItsOwnOrThatOfAll) {
  Topology topology;
  for (const int id : {0, 1, 2}) topology.nodes[NodeId{id}].total_bytes = 100 * kGi;
  NodeReserve reserve;
  reserve.of_node = {{NodeId{1}, {.bytes = 8 * kGi}}, {NodeId{2}, {.fraction = 0.05}}};
  const auto bytes = ReserveBytes(topology, reserve, {{NodeId{2}, {.min = 1, .high = 6 * kGi}}});
  EXPECT_EQ(bytes.at(NodeId{0}), 2 * kGi);
  EXPECT_EQ(bytes.at(NodeId{1}), 8 * kGi);
  EXPECT_EQ(bytes.at(NodeId{2}), 6 * kGi) << "at least the kernel's high watermark";
}

TEST(CountRoomTest, TheShareIsOfWhatThereWasAtTheBeginning) {
  EXPECT_EQ(CountRoom(300, 100, 0.25, 1000, 1000).Bytes(), 200 + 250);
  EXPECT_EQ(CountRoom(300, 100, 0.25, 900, 1000).Bytes(), 200 + 150) << "100 were dropped";
  EXPECT_EQ(CountRoom(300, 100, 0.25, 700, 1000).Bytes(), 200) << "the share is used up";
  EXPECT_EQ(CountRoom(300, 100, 0.25, 2000, 1000).Bytes(), 200 + 250) << "others read more";
  EXPECT_EQ(CountRoom(50, 100, 0.25, 1000, 1000).Bytes(), 200) << "the reserve comes first";
  EXPECT_EQ(CountRoom(50, 100, 0, 1000, 1000).Bytes(), -50);
}

TEST(RoomWordsTest, SaysHowRoomWasCounted) {
  EXPECT_EQ(RoomWords(NodeId{1}, CountRoom(60 * kMi, 50 * kMi, 0.25, 0, 0)),
            "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve");
  EXPECT_EQ(RoomWords(NodeId{1}, CountRoom(60 * kMi, 50 * kMi, 0.25, 800 * kMi, 800 * kMi)),
            "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve; 200.0 MiB of its "
            "clean page cache count as room (reclaimCache 25%)");
  EXPECT_EQ(RoomWords(NodeId{1}, CountRoom(60 * kMi, 50 * kMi, 0, 800 * kMi, 800 * kMi)),
            "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve; its 800.0 MiB of "
            "clean page cache do not count (reclaimCache 0)");
}

}  // namespace
}  // namespace numalocality::room_test
