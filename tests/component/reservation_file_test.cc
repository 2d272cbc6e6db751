// Reservations across restarts of the agent.
#include "agent/rpc/reservation_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "agent/rpc/format_version.h"
#include "numalocality/records/v1/reservations.pb.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::reservation_file_test {
namespace {

namespace stored = ::numalocality::records::v1;

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReservationFileTest : public ::testing::Test {
 protected:
  static Workload Container() {
    return {"/kubepods/pod1/a",
            7,
            ContainerRef{"1", "a", QosClass::kBurstable},
            std::nullopt,
            {"prod", "db-0", "mysql"}};
  }

  stored::Reservations Content() const {
    std::ifstream file(tree_.Path("reservations.pb"));
    stored::Reservations content;
    EXPECT_TRUE(content.ParseFromIstream(&file));
    return content;
  }

  TempTree tree_;
  FakeClock clock_;
  ReservationFile file_{tree_.Path("reservations.pb")};
};

TEST_F(ReservationFileTest, BringsBackWhatWasWritten) {
  const Workload process{"/system.slice", 0, std::nullopt, ProcessId{12, 3456}};
  const absl::Time end = clock_.Now() + absl::Milliseconds(1500);
  const absl::Duration ttl = absl::Minutes(1);
  file_.Write({{"secret",
                "a \xc3",
                {Container(), process},
                ttl,
                {},
                end,
                "pod-1",
                "request-1",
                "spiffe://cluster/shop"},
               {"other", "", {}, ttl, {}, end}});
  const std::vector<Reservation> read = file_.Read();
  ASSERT_THAT(read, SizeIs(2));
  EXPECT_EQ(read[0].token, "secret");
  EXPECT_EQ(read[0].owner, "a \xc3") << "cut in the middle of a character";
  EXPECT_EQ(read[0].expire_time, end);
  EXPECT_EQ(read[0].ttl, ttl);
  EXPECT_EQ(read[0].pod_uid, "pod-1");
  EXPECT_EQ(read[0].request_id, "request-1");
  EXPECT_EQ(read[0].created_by, "spiffe://cluster/shop");
  ASSERT_THAT(read[0].workloads, SizeIs(2));
  const Workload& container = read[0].workloads[0];
  EXPECT_EQ(container.cgroup_path, Container().cgroup_path);
  EXPECT_EQ(container.cgroup_id, Container().cgroup_id);
  EXPECT_EQ(container.container, Container().container);
  EXPECT_EQ(container.names, Container().names);
  EXPECT_FALSE(container.process.has_value());
  EXPECT_EQ(read[0].workloads[1].process, process.process);
  EXPECT_FALSE(read[0].workloads[1].container.has_value());
  EXPECT_EQ(read[1].token, "other");
}

TEST_F(ReservationFileTest, WithoutAFileOrWithABrokenOneThereAreNone) {
  EXPECT_THAT(file_.Read(), IsEmpty());
  file_.Write({{"secret", "", {Container()}, {}, {}, clock_.Now()}});
  for (const char* broken : {"", "\xff\xff nonsense"}) {
    tree_.Write("reservations.pb", broken);
    EXPECT_THAT(file_.Read(), IsEmpty());
  }
  tree_.Remove("reservations.pb");
  tree_.MakeDirectory("reservations.pb");
  EXPECT_THAT(file_.Read(), IsEmpty());
  file_.Write({});  // is logged
}

TEST_F(ReservationFileTest, ReadsTheVersionBeforeItsOwn) {
  stored::Reservations version_1;
  version_1.add_reservations()->set_token("secret");
  tree_.Write("reservations.pb", version_1.SerializeAsString());
  ASSERT_THAT(file_.Read(), SizeIs(1));
  file_.Write(file_.Read());
  EXPECT_EQ(Content().format_version(), kFormatVersion);
  EXPECT_EQ(file_.Read()[0].token, "secret");
  EXPECT_EQ(file_.Read()[0].ttl, Reservations::kLongest) << "was not stored";
}

TEST_F(ReservationFileTest, RefusesALaterVersionWithAnotherLayout) {
  // format_version, and a number in the field that is a list of messages now.
  const std::string later = {0x10, kFormatVersion + 1, 0x08, 0x07};
  tree_.Write("reservations.pb", later);
  ReservationFile file(tree_.Path("reservations.pb"));
  EXPECT_TRUE(file.Read().empty());
  file.Write({});
  EXPECT_EQ(ReadFile(tree_.Path("reservations.pb")).value(), later);
}

TEST_F(ReservationFileTest, RefusesALaterVersionAndLeavesTheFile) {
  stored::Reservations later;
  later.set_format_version(kFormatVersion + 1);
  later.add_reservations()->set_token("secret");
  tree_.Write("reservations.pb", later.SerializeAsString());
  EXPECT_THAT(file_.Read(), IsEmpty());
  file_.Write({{"mine", "", {Container()}, {}, {}, clock_.Now()}});
  EXPECT_EQ(Content().SerializeAsString(), later.SerializeAsString());
  // Once it has been deleted, the next agent starts with an empty one.
  tree_.Remove("reservations.pb");
  ReservationFile next{tree_.Path("reservations.pb")};
  EXPECT_THAT(next.Read(), IsEmpty());
  next.Write({{"mine", "", {Container()}, {}, {}, clock_.Now()}});
  EXPECT_THAT(next.Read(), SizeIs(1));
}

TEST_F(ReservationFileTest, AHolderGoesOnAfterARestart) {
  std::string token;
  for (int start = 0; start < 3; ++start) {
    Reservations reservations(clock_);
    reservations.Restore(file_.Read(),
                         [this](const std::vector<Reservation>& held) { file_.Write(held); });
    const auto reservation =
        reservations.Reserve({{Container()}, "", absl::Minutes(1), token, "a scheduler"});
    ASSERT_TRUE(reservation.ok()) << reservation.status();
    token = reservation->token;
    EXPECT_TRUE(absl::IsAborted(reservations.Check({Container()}, {})));
    clock_.Advance(absl::Seconds(40));
  }
}

}  // namespace
}  // namespace numalocality::reservation_file_test
