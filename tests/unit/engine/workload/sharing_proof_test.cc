#include "agent/engine/workload/sharing_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "agent/engine/workload/workload_finder.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/long_lines.h"
#include "tests/unit/fake/peak_memory.h"

namespace numalocality::sharing_proof_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kBase = 0x10000000;
constexpr uint64_t kPages = 16;
constexpr DeviceId kTmpfs{0, 25};  // what the fake host has mounted
constexpr DeviceId kDisk{8, 1};
constexpr FileId kBuffers{kTmpfs, 7};

constexpr AddressRange RangeAt(uint64_t start) { return {start, start + kPages * kFakePage}; }

// A workload of two processes in a cgroup, and a stranger.
class SharingProofTest : public ::testing::Test {
 protected:
  SharingProofTest() {
    machine_.AddProcess(10);
    machine_.AddProcess(11);
    machine_.AddProcess(90);
    machine_.AddCgroup("/pod", {10, 11});
    machine_.AddCgroup("/other", {90});
  }

  FakeProcess& At(pid_t pid) { return *machine_.kernel().Find(pid); }

  void Map(pid_t pid, const FileId& file, const std::string& path = "/dev/shm/x",
           bool is_shared = true) {
    At(pid).mappings.push_back({RangeAt(kBase), path, is_shared, file});
    machine_.Publish(At(pid));
  }

  void Fork(pid_t parent, pid_t child) {
    At(child).stack_start = At(parent).stack_start;
    machine_.Publish(At(child));
  }

  // From now on maps are read by queries, 30 ms a mapping.
  void SlowMappingQueries() {
    machine_.kernel().set_has_mapping_query(true);
    machine_.kernel().set_time_per_mapping(absl::Milliseconds(30));
  }

  SharingProof Take(const std::vector<pid_t>& own_pids = {10, 11}) {
    return SharingProof::Take(machine_.kernel(), machine_.clock(), machine_.host(),
                              finder_.Find({{}, {}, "/pod", {}}).value().front(), own_pids);
  }

  static Mapping MappingOf(Backing backing, bool is_shared, const FileId& file) {
    return {RangeAt(kBase), backing, is_shared, file};
  }

  FakeMachine machine_;
  const WorkloadFinder finder_{machine_.host()};
};

// A stranger with as many mappings as it likes may map anything, so no object is owned; it takes a
// bounded time, and anonymous memory is not concerned.
TEST_F(SharingProofTest, AStrangerWithTooManyMappingsIsNamedAndMayMapAnything) {
  Map(10, kBuffers);
  for (uint64_t i = 1; i < 1000; ++i) At(90).AddHole(kBase * 2 * i, 1);
  machine_.AddProcess(91);
  SlowMappingQueries();
  const SharingProof proof = Take();
  EXPECT_LT(machine_.clock().Monotonic(), absl::Seconds(3));
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_FALSE(proof.OwnsObject(kBuffers));
  EXPECT_THAT(proof.note(), HasSubstr("process 90 outside the workload may map them"));
  EXPECT_THAT(proof.note(), HasSubstr("/90/maps: takes longer than 2s"));
}

// Lines of a megabyte each, as of a file below thousands of directories, before Linux 6.11.
TEST_F(SharingProofTest, AStrangerWithDeepPathsIsNamedAndMayMapAnything) {
  Map(10, kBuffers);
  WriteLongLines(machine_.host().proc + "/90/maps", 300, [](uint64_t line) {
    return absl::StrFormat("%x-%x r--s 00000000 08:01 7 /", kBase + line * 2 * kFakePage,
                           kBase + (line * 2 + 1) * kFakePage);
  });
  const SharingProof proof = Take();
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_FALSE(proof.OwnsObject(kBuffers));
  EXPECT_THAT(proof.note(), HasSubstr("/90/maps: there is more than 64.0 MiB to read"));
}

TEST_F(SharingProofTest, ManyStrangersTogetherTakeABoundedTime) {
  Map(10, kBuffers);
  for (pid_t pid = 100; pid < 110; ++pid) {
    machine_.AddProcess(pid);
    for (uint64_t i = 1; i <= 60; ++i) At(pid).AddHole(kBase * 2 * i, 1);
  }
  SlowMappingQueries();
  const SharingProof proof = Take();
  EXPECT_LT(machine_.clock().Monotonic(), absl::Seconds(8));
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_FALSE(proof.OwnsObject(kBuffers));
  EXPECT_THAT(proof.note(), HasSubstr("outside the workload may map them"));
}

TEST_F(SharingProofTest, AHundredThousandProcessesAreReadInLittleMemory) {
  for (pid_t pid = 1000; pid < 101'000; ++pid) {
    machine_.tree().Link("proc/" + std::to_string(pid), "/none");  // gone once they are read
  }
  SharingProof proof;
  const int64_t peak = PeakBytesOf([&] { proof = Take(); });
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_EQ(proof.note(), "");
  EXPECT_LT(peak, 32 << 20);
}

TEST_F(SharingProofTest, ACallerThatCancelsWaitsForOneProcessAtMost) {
  Map(10, kBuffers);
  for (pid_t pid = 100; pid < 200; ++pid) machine_.AddProcess(pid)->AddHole(kBase, 1);
  SlowMappingQueries();
  bool is_cancelled = false;
  machine_.kernel().RunAt(FakeCall::kQueryMapping, 20, [&] { is_cancelled = true; });
  const SharingProof proof = SharingProof::Take(
      machine_.kernel(), machine_.clock(), machine_.host(),
      finder_.Find({{}, {}, "/pod", {}}).value().front(), {10, 11}, [&] { return is_cancelled; });
  EXPECT_LT(machine_.kernel().CallCount(FakeCall::kQueryMapping), 25);
  EXPECT_FALSE(proof.OwnsAnonymous(10));
  EXPECT_EQ(proof.note(), "");
}

// It proves nothing about itself; what the others map is proved.
TEST_F(SharingProofTest, AnOwnProcessWithTooManyMappingsIsNamed) {
  Map(11, kBuffers);
  for (uint64_t i = 1; i < 1000; ++i) At(10).AddHole(kBase * 2 * i, 1);
  SlowMappingQueries();
  const SharingProof proof = Take();
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_TRUE(proof.OwnsObject(kBuffers));
  EXPECT_THAT(proof.note(), HasSubstr("not all shared memory of process 10 is moved"));
}

// 3 s each: what is not read is not proved.
TEST_F(SharingProofTest, TheMapsOfAllOwnProcessesHaveOneBudget) {
  std::vector<pid_t> pids;
  for (pid_t pid = 100; pid < 120; ++pid) {
    const auto process = machine_.AddProcess(pid);
    for (uint64_t i = 1; i < 100; ++i) process->AddHole(kBase * 2 * i, 1);
    machine_.Publish(*process);
    pids.push_back(pid);
  }
  machine_.AddCgroup("/many", pids);
  SlowMappingQueries();
  const SharingProof proof =
      SharingProof::Take(machine_.kernel(), machine_.clock(), machine_.host(),
                         finder_.Find({{}, {}, "/many", {}}).value().front(), pids);
  EXPECT_LT(machine_.clock().Monotonic(),
            SharingProof::kAllOwnLimits.time + SharingProof::kAllForeignLimits.time);
  EXPECT_THAT(proof.note(), HasSubstr("not all shared memory of process 10"));
}

TEST_F(SharingProofTest, OwnsWhatNobodyElseMaps) {
  Map(10, kBuffers);
  Map(11, kBuffers);
  Map(90, {kTmpfs, 8});
  const SharingProof proof = Take();
  EXPECT_TRUE(proof.OwnsObject(kBuffers));
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_TRUE(proof.OwnsAnonymous(11));
  EXPECT_EQ(proof.note(), "");
}

TEST_F(SharingProofTest, AnObjectThatAStrangerMapsIsNotOwned) {
  Map(10, kBuffers);
  Map(10, {kTmpfs, 8});
  Map(90, kBuffers);
  const SharingProof proof = Take();
  EXPECT_FALSE(proof.OwnsObject(kBuffers));
  EXPECT_TRUE(proof.OwnsObject({kTmpfs, 8}));
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_EQ(
      proof.note(),
      "1 of 2 shared memory objects are not moved: a process outside the workload maps them, too "
      "(process 90)");
}

TEST_F(SharingProofTest, TheSameInodeOnAnotherDeviceIsAnotherObject) {
  Map(10, kBuffers);
  Map(90, {kDisk, 7});
  EXPECT_TRUE(Take().OwnsObject(kBuffers));
}

TEST_F(SharingProofTest, FilesOnDiskAreNeverOwnedWhateverTheirPath) {
  const FileId file{kDisk, 7};
  Map(10, file, "/dev/shm/x");
  const SharingProof proof = Take();
  EXPECT_FALSE(proof.OwnsObject(file));
  EXPECT_EQ(proof.note(), "");
}

TEST_F(SharingProofTest, ForksWithinTheWorkloadAreItsOwn) {
  Fork(10, 11);
  const SharingProof proof = Take();
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_TRUE(proof.OwnsAnonymous(11));
}

TEST_F(SharingProofTest, AForkOutsideKeepsWhatItsRelativesShare) {
  Fork(10, 90);
  const SharingProof proof = Take();
  EXPECT_FALSE(proof.OwnsAnonymous(10));
  EXPECT_TRUE(proof.OwnsAnonymous(11)) << "it has called exec since";
  EXPECT_THAT(proof.note(), HasSubstr("process 90"));
}

TEST_F(SharingProofTest, LatecomersInTheCgroupAreNoStrangers) {
  Fork(10, 11);
  Map(10, kBuffers);
  Map(11, kBuffers);
  const SharingProof proof = Take({10});
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_TRUE(proof.OwnsObject(kBuffers));
}

TEST_F(SharingProofTest, OfASingleProcessAllOthersAreStrangers) {
  Fork(10, 11);
  Map(10, kBuffers);
  Map(11, kBuffers);
  const Workload alone = finder_.Find({{}, {}, {}, 10}).value().front();
  const SharingProof proof =
      SharingProof::Take(machine_.kernel(), machine_.clock(), machine_.host(), alone, {10});
  EXPECT_FALSE(proof.OwnsAnonymous(10));
  EXPECT_FALSE(proof.OwnsObject(kBuffers));
}

TEST_F(SharingProofTest, ADeadFirstThreadHidesNothing) {
  Fork(10, 90);
  At(90).threads[91] = {};
  At(90).is_zombie = true;
  machine_.Publish(At(90));
  // Its other thread, and thus the memory, remains.
  machine_.tree().Write(
      "proc/90/task/91/stat",
      "91 (t) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 1000 1000 100 1 4096 8192 " +
          std::to_string(At(10).stack_start) + "\n");
  machine_.tree().Write("proc/90/task/91/maps", "");
  EXPECT_FALSE(Take().OwnsAnonymous(10));
}

TEST_F(SharingProofTest, ProcessesWithoutMemoryShareNothing) {
  machine_.AddProcess(91)->is_zombie = true;
  machine_.Publish(At(91));
  Map(10, kBuffers);
  EXPECT_EQ(Take().note(), "");
}

TEST_F(SharingProofTest, AProcessThatMayNotBeReadProvesNothing) {
  Map(10, kBuffers);
  At(90).stack_start = 0;  // as the kernel shows it
  machine_.Publish(At(90));
  const SharingProof proof = Take();
  EXPECT_FALSE(proof.OwnsObject(kBuffers));
  EXPECT_FALSE(proof.OwnsAnonymous(10));
  EXPECT_THAT(proof.note(), HasSubstr("process 90"));
  EXPECT_THAT(proof.note(), HasSubstr("CAP_SYS_PTRACE"));
}

TEST_F(SharingProofTest, AnotherPidNamespaceProvesNothing) {
  machine_.tree().Remove("proc/self/ns/pid");
  machine_.tree().Link("proc/self/ns/pid", "pid:[4026532000]");
  EXPECT_FALSE(Take().OwnsAnonymous(10));
  EXPECT_THAT(Take().note(), HasSubstr("hostPID"));
}

TEST_F(SharingProofTest, AProcfsThatHidesProcessesProvesNothing) {
  machine_.tree().Remove("proc/1");
  EXPECT_FALSE(Take().OwnsAnonymous(10));
  EXPECT_THAT(Take().note(), HasSubstr("hidepid"));
}

TEST_F(SharingProofTest, KsmMakesAnonymousMemoryUnprovable) {
  Map(10, kBuffers);
  machine_.tree().Write("sys/kernel/mm/ksm/pages_shared", "0\n");
  EXPECT_TRUE(Take().OwnsAnonymous(10));
  machine_.tree().Write("sys/kernel/mm/ksm/pages_shared", "3\n");
  const SharingProof proof = Take();
  EXPECT_FALSE(proof.OwnsAnonymous(10));
  EXPECT_TRUE(proof.OwnsObject(kBuffers));
  EXPECT_THAT(proof.note(), HasSubstr("KSM"));
}

TEST_F(SharingProofTest, OwnProcessesThatAreGoneDoNotMatter) {
  machine_.Exit(11);
  const SharingProof proof = Take();
  EXPECT_TRUE(proof.OwnsAnonymous(10));
  EXPECT_FALSE(proof.OwnsAnonymous(11));
}

TEST_F(SharingProofTest, PrivateMappingsNeedBothProofs) {
  Map(10, kBuffers);
  const Mapping anonymous = MappingOf(Backing::kHeap, false, {});
  const Mapping shared = MappingOf(Backing::kShmem, true, kBuffers);
  const Mapping copied = MappingOf(Backing::kShmem, false, kBuffers);
  const AddressRange range = RangeAt(kBase);
  const SharingProof both = Take();
  EXPECT_THAT(both.OwnedRanges(10, {anonymous}), ElementsAre(range));
  EXPECT_THAT(both.OwnedRanges(10, {shared}), ElementsAre(range));
  EXPECT_THAT(both.OwnedRanges(10, {copied}), ElementsAre(range));
  Fork(10, 90);
  const SharingProof object_only = Take();
  EXPECT_THAT(object_only.OwnedRanges(10, {anonymous}), IsEmpty());
  EXPECT_THAT(object_only.OwnedRanges(10, {shared}), ElementsAre(range));
  EXPECT_THAT(object_only.OwnedRanges(10, {copied}), IsEmpty());
}

TEST_F(SharingProofTest, OnlyMemoryIsEverOwned) {
  const SharingProof proof = Take();
  for (const Backing backing : {Backing::kFile, Backing::kHugetlb, Backing::kSpecial}) {
    EXPECT_THAT(proof.OwnedRanges(10, {MappingOf(backing, false, {kDisk, 7})}), IsEmpty());
    EXPECT_THAT(proof.OwnedRanges(10, {MappingOf(backing, false, {})}), IsEmpty());
  }
  EXPECT_THAT(SharingProof().OwnedRanges(10, {MappingOf(Backing::kHeap, false, {})}), IsEmpty());
}

TEST_F(SharingProofTest, AdjacentRangesAreJoined) {
  const uint64_t page = kFakePage;
  std::vector<Mapping> mappings(3);
  mappings[0].range = {0, page};
  mappings[1].range = {page, 2 * page};
  mappings[2].range = {5 * page, 6 * page};
  EXPECT_THAT(Take().OwnedRanges(10, mappings),
              ElementsAre(AddressRange{0, 2 * page}, AddressRange{5 * page, 6 * page}));
}

}  // namespace
}  // namespace numalocality::sharing_proof_test
