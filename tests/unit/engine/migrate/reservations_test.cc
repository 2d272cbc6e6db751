#include "agent/engine/migrate/reservations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/fake/fake_clock.h"

namespace numalocality::reservations_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Workload Cgroup(const std::string& path) { return {path, 1, std::nullopt, std::nullopt}; }

class ReservationsTest : public ::testing::Test {
 protected:
  static ReservationRequest Request(const std::string& path, absl::Duration ttl = absl::Minutes(1),
                                    const std::string& token = "") {
    return {{Cgroup(path)}, "", ttl, token, "a scheduler"};
  }
  // The token, or the code of the error.
  std::string Reserve(const std::string& path, absl::Duration ttl, const std::string& token = "") {
    const auto reservation = reservations_.Reserve(Request(path, ttl, token));
    if (reservation.ok()) return reservation->token;
    return absl::StatusCodeToString(reservation.status().code());
  }
  absl::Status Check(const std::string& path, const std::vector<std::string>& tokens = {}) {
    return reservations_.Check({Cgroup(path)}, tokens);
  }

  FakeClock clock_;
  Reservations reservations_{clock_};
};

TEST_F(ReservationsTest, KeepOthersOffUntilTheyExpire) {
  Reserve("/pod", absl::Seconds(10));
  clock_.Advance(absl::Seconds(10) - absl::Nanoseconds(1));
  const absl::Status held = Check("/pod");
  EXPECT_TRUE(absl::IsAborted(held));
  EXPECT_THAT(std::string(held.message()),
              HasSubstr("cgroup /pod: reserved by a scheduler until "));
  EXPECT_THAT(reservations_.List(), SizeIs(1));
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_TRUE(Check("/pod").ok());
  EXPECT_THAT(reservations_.List(), IsEmpty());
}

TEST_F(ReservationsTest, ATokenIsForOneWorkloadAndOwner) {
  ReservationRequest request = Request("/pod");
  request.token = reservations_.Reserve(request)->token;
  request.owner = "another one";
  EXPECT_TRUE(absl::IsInvalidArgument(reservations_.Reserve(request).status()));
  request.owner = "";
  request.workloads.clear();
  EXPECT_EQ(reservations_.Reserve(request)->owner, "a scheduler");
}

TEST_F(ReservationsTest, ARepeatedRequestIsTheSameReservation) {
  ReservationRequest request = Request("/pod");
  request.request_id = "one";
  const std::string token = reservations_.Reserve(request)->token;
  EXPECT_EQ(reservations_.Reserve(request)->token, token);
  EXPECT_EQ((*reservations_.FindRequest(request))->token, token);
  EXPECT_THAT(reservations_.List(), SizeIs(1));
  request.owner = "another one";
  EXPECT_TRUE(absl::IsAlreadyExists(reservations_.Reserve(request).status()));
  request.owner = "";
  request.created_by = "another client";
  EXPECT_TRUE(absl::IsAborted(reservations_.Reserve(request).status())) << "a request of its own";
  request = Request("/free");
  request.request_id = "one";
  request.created_by = "another client";
  const auto others = reservations_.Reserve(request);
  ASSERT_TRUE(others.ok()) << others.status();
  EXPECT_NE(others->token, token);
  EXPECT_EQ(reservations_.Reserve(request)->token, others->token);
  request = Request("/other");
  request.request_id = "one";
  EXPECT_TRUE(absl::IsAlreadyExists(reservations_.Reserve(request).status()));
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(reservations_.Reserve(request).ok()) << "the first one has expired";
}

TEST_F(ReservationsTest, AreFoundByTokenAndReleasedByWorkload) {
  const std::string token = reservations_.Reserve(Request("/pod"))->token;
  ASSERT_TRUE(reservations_.Reserve(Request("/other")).ok());
  EXPECT_EQ(reservations_.Find(token)->token, token);
  EXPECT_TRUE(absl::IsNotFound(reservations_.Find("x").status()));
  EXPECT_TRUE(absl::IsNotFound(reservations_.ReleaseAll({Cgroup("/third")})));
  EXPECT_TRUE(reservations_.ReleaseAll({Cgroup("/pod")}).ok());
  EXPECT_TRUE(absl::IsNotFound(reservations_.Find(token).status()));
  EXPECT_THAT(reservations_.List(), SizeIs(1)) << "the other one";
}

TEST_F(ReservationsTest, APodIsReservedWithContainersThatStartLater) {
  const auto container = [](const std::string& pod, char id) {
    Workload workload = Cgroup("/kubepods/" + pod + "/" + id);
    workload.container = {pod, std::string(64, id), QosClass::kBurstable};
    return workload;
  };
  ReservationRequest request{{container("pod-1", 'a')}, "pod-1", absl::Minutes(1)};
  const std::string token = reservations_.Reserve(request)->token;
  EXPECT_TRUE(absl::IsAborted(reservations_.Check({container("pod-1", 'b')}, {})));
  EXPECT_TRUE(reservations_.Check({container("pod-1", 'b')}, {token}).ok());
  EXPECT_TRUE(reservations_.Check({container("pod-2", 'b')}, {}).ok());
  request.workloads.push_back(container("pod-1", 'b'));
  request.token = token;
  EXPECT_TRUE(reservations_.Reserve(request).ok()) << "the same pod";
}

TEST_F(ReservationsTest, TheTokenLetsItsHolderIn) {
  const std::string a = Reserve("/a", absl::Minutes(1));
  const std::string b = Reserve("/b", absl::Minutes(1));
  EXPECT_NE(a, b);
  EXPECT_TRUE(Check("/a", {a}).ok());
  EXPECT_TRUE(absl::IsAborted(Check("/b", {a})));
  EXPECT_TRUE(reservations_.Check({Cgroup("/a"), Cgroup("/b")}, {b, a}).ok());
  EXPECT_TRUE(absl::IsAborted(Check("/a", {"", "x"})));
}

TEST_F(ReservationsTest, HoldWhatIsAboveAndBelow) {
  Reserve("/kubepods/pod1", absl::Minutes(1));
  EXPECT_TRUE(absl::IsAborted(Check("/kubepods/pod1/container")));
  EXPECT_TRUE(absl::IsAborted(Check("/kubepods")));
  EXPECT_TRUE(Check("/kubepods/pod10").ok());
  EXPECT_EQ(Reserve("/kubepods/pod1/container", absl::Minutes(1)), "ABORTED");
}

TEST_F(ReservationsTest, ATokenProlongsFromNow) {
  const std::string token = Reserve("/pod", absl::Seconds(10));
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ(Reserve("/other", absl::Seconds(10), token), "INVALID_ARGUMENT");
  EXPECT_TRUE(Check("/other").ok()) << "the workloads stay its own";
  EXPECT_EQ(Reserve("/pod", absl::Seconds(10), token), token);
  clock_.Advance(absl::Seconds(9));
  EXPECT_TRUE(absl::IsAborted(Check("/pod")));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Reserve("/pod", absl::Seconds(10), token), "NOT_FOUND");
}

TEST_F(ReservationsTest, AreReleasedOnce) {
  const std::string token = Reserve("/pod", absl::Minutes(1));
  EXPECT_TRUE(reservations_.Release(token).ok());
  EXPECT_TRUE(Check("/pod").ok());
  EXPECT_TRUE(absl::IsNotFound(reservations_.Release(token)));
  EXPECT_TRUE(absl::IsNotFound(reservations_.Release("")));
}

TEST_F(ReservationsTest, AreBounded) {
  EXPECT_EQ(Reserve("/pod", absl::ZeroDuration()), "INVALID_ARGUMENT");
  EXPECT_EQ(Reserve("/pod", -absl::Seconds(1)), "INVALID_ARGUMENT");
  EXPECT_EQ(Reserve("/pod", Reservations::kLongest + absl::Seconds(1)), "INVALID_ARGUMENT");
  for (size_t i = 0; i < Reservations::kMost; ++i) {
    EXPECT_THAT(Reserve(absl::StrCat("/", i), Reservations::kLongest), SizeIs(32));
  }
  EXPECT_EQ(Reserve("/pod", absl::Seconds(1)), "RESOURCE_EXHAUSTED");
  clock_.Advance(Reservations::kLongest);
  EXPECT_THAT(Reserve("/pod", absl::Seconds(1)), SizeIs(32));
}

TEST_F(ReservationsTest, AnOwnersNameIsCut) {
  const std::string name(Reservations::kMaxOwnerBytes, 'n');
  EXPECT_EQ(reservations_.Reserve({{Cgroup("/a")}, "", absl::Minutes(1), "", name + "m"})->owner,
            name);
}

TEST_F(ReservationsTest, OutliveTheAgentUntilTheyExpire) {
  std::vector<Reservation> kept;
  const auto keep = [&kept](const std::vector<Reservation>& held) { kept = held; };
  reservations_.Restore({}, keep);
  const std::string a = Reserve("/a", absl::Minutes(1));
  const std::string b = Reserve("/b", absl::Minutes(1));
  Reserve("/c", absl::Seconds(30));
  EXPECT_TRUE(reservations_.Release(b).ok());
  Reserve("/a", absl::Minutes(3), a);
  ASSERT_THAT(kept, SizeIs(2));

  clock_.Advance(absl::Seconds(61));
  Reservations next(clock_);
  next.Restore(kept, keep);
  EXPECT_THAT(next.List(), SizeIs(1));
  EXPECT_TRUE(absl::IsAborted(next.Check({Cgroup("/a")}, {})));
  EXPECT_TRUE(next.Check({Cgroup("/a")}, {a}).ok());
  EXPECT_TRUE(next.Reserve({{}, "", absl::Minutes(1), a}).ok());
  EXPECT_TRUE(next.Release(a).ok());
  EXPECT_THAT(kept, IsEmpty());
}

TEST_F(ReservationsTest, LastAsLongHoweverTheWallClockIsSet) {
  for (const absl::Duration step : {-absl::Hours(6), absl::Hours(6)}) {
    Reserve("/a", absl::Minutes(10));
    clock_.StepWall(step);
    EXPECT_EQ(reservations_.List()[0].expire_time, clock_.Now() + absl::Minutes(10));
    clock_.Advance(absl::Minutes(10) - absl::Nanoseconds(1));
    EXPECT_TRUE(absl::IsAborted(Check("/a")));
    clock_.Advance(absl::Nanoseconds(1));
    EXPECT_TRUE(Check("/a").ok());
  }
}

TEST_F(ReservationsTest, ARestartAfterTheWallClockWasSetBackMakesNoneLonger) {
  std::vector<Reservation> kept;
  reservations_.Restore({}, [&kept](const auto& held) { kept = held; });
  Reserve("/a", absl::Minutes(10));
  clock_.Advance(absl::Minutes(9));
  clock_.StepWall(-absl::Hours(6));
  Reservations next(clock_);
  next.Restore(kept, nullptr);
  EXPECT_TRUE(absl::IsAborted(next.Check({Cgroup("/a")}, {})));
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(next.Check({Cgroup("/a")}, {}).ok());
}

TEST_F(ReservationsTest, ThoseRestoredAreBoundedToo) {
  const absl::Duration ttl = 2 * Reservations::kLongest;
  const Reservation long_one{"t", "", {Cgroup("/a")}, ttl, {}, clock_.Now() + ttl};
  reservations_.Restore(std::vector<Reservation>(Reservations::kMost + 1, long_one), nullptr);
  EXPECT_THAT(reservations_.List(), SizeIs(Reservations::kMost));
  clock_.Advance(Reservations::kLongest);
  EXPECT_THAT(reservations_.List(), IsEmpty());
}

TEST_F(ReservationsTest, OfSeveralAtOnceOneIsFirst) {
  for (int round = 0; round < 50; ++round) {
    const std::string path = absl::StrCat("/", round);
    std::atomic<int> ready = 0;
    std::atomic<int> held = 0;
    std::vector<std::thread> controllers;
    for (int i = 0; i < 4; ++i) {
      controllers.emplace_back([&] {
        ++ready;
        while (ready < 4) {
        }
        if (reservations_.Reserve({{Cgroup(path)}, "", absl::Minutes(1)}).ok()) ++held;
      });
    }
    for (std::thread& controller : controllers) controller.join();
    EXPECT_EQ(held, 1);
  }
}

}  // namespace
}  // namespace numalocality::reservations_test
