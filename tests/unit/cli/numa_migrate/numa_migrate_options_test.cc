// numa-migrate's command line, and the part of the memory that --range names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/cli/numa_migrate/memory_part.h"
#include "agent/cli/numa_migrate/options.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::numa_migrate::numa_migrate_options_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Parses a command line without the program's name.
std::optional<ExitCode> Parse(const std::vector<const char*>& words, Options& options) {
  std::vector<const char*> argv = {"numa-migrate"};
  argv.insert(argv.end(), words.begin(), words.end());
  return ParseOptions(static_cast<int>(argv.size()), argv.data(), options);
}

// The error that a wrong command line prints.
std::string ErrorOf(const std::vector<const char*>& words) {
  Options options;
  testing::internal::CaptureStderr();
  const auto exit_code = Parse(words, options);
  const std::string error = testing::internal::GetCapturedStderr();
  EXPECT_EQ(exit_code, kExitError) << error;
  EXPECT_THAT(error, HasSubstr("ERROR: "));
  return error;
}

TEST(ParseOptionsTest, FillsInTheSpec) {
  Options options;
  ASSERT_EQ(Parse({"--pid",
                   "7",
                   "--to-node",
                   "1,4",
                   "--from-node",
                   "0,2-3",
                   "--range",
                   "512M",
                   "--shared",
                   "all",
                   "--workers",
                   "2",
                   "--batch",
                   "64",
                   "--bandwidth",
                   "200M/s",
                   "--retries",
                   "0",
                   "--min-moved",
                   "0.5",
                   "--reclaim-cache",
                   "0",
                   "--verify",
                   "--verify-after",
                   "60s,1s,10s,1s",
                   "--pin-threads",
                   "--policy",
                   "bind",
                   "--numa-balancing",
                   "off",
                   "--json"},
                  options),
            std::nullopt);
  EXPECT_EQ(options.command, Command::kMigrate);
  EXPECT_EQ(options.pid, 7);
  EXPECT_EQ(options.part.first_bytes, int64_t{512} << 20);
  const MigrationSpec& spec = options.spec;
  EXPECT_EQ(spec.target_nodes, (NodeSet{NodeId{1}, NodeId{4}}));
  EXPECT_EQ(spec.source_nodes, (NodeSet{NodeId{0}, NodeId{2}, NodeId{3}}));
  EXPECT_EQ(options.sharing, SharingRule::kAll);
  EXPECT_EQ(spec.hold, HoldMode::kNone);
  EXPECT_EQ(spec.limits.workers, 2);
  EXPECT_EQ(spec.limits.batch_pages, 64);
  EXPECT_EQ(spec.limits.bytes_per_second, int64_t{200} << 20);
  EXPECT_EQ(spec.limits.retries, 0);
  EXPECT_EQ(spec.min_moved, 0.5);
  EXPECT_EQ(options.reclaim_cache, 0);
  EXPECT_THAT(spec.verify_after,
              ElementsAre(absl::Seconds(1), absl::Seconds(10), absl::Seconds(60)));
  EXPECT_TRUE(options.pin_threads);
  EXPECT_EQ(options.bind, BindPolicy::kBind);
  EXPECT_TRUE(options.balancing_off);
  EXPECT_EQ(options.format, OutputFormat::kJson);
}

TEST(ParseOptionsTest, WhatIsNotAskedForIsLeftToTheEngine) {
  Options options;
  ASSERT_EQ(Parse({"--pid", "7", "--to-node", "1"}, options), std::nullopt);
  MigrationSpec expected;
  expected.target_nodes = {NodeId{1}};
  EXPECT_EQ(options.spec, expected);
  EXPECT_EQ(options.sharing, std::nullopt);
  ASSERT_EQ(Parse({"--pid", "7", "--to-node", "1", "--max-call-time", "2ms"}, options),
            std::nullopt);
  EXPECT_EQ(options.spec.limits.longest_call, absl::Milliseconds(2));
}

// The parser accepts what the engine accepts, and refuses what it refuses.
TEST(ParseOptionsTest, TheLimitsAreTheEnginesOwn) {
  struct Limit {
    const char* option;
    int MoveLimits::*value;
    int most;
  };
  for (const Limit& limit : {Limit{"--workers", &MoveLimits::workers, 16},
                             Limit{"--retries", &MoveLimits::retries, 10}}) {
    Options options;
    const std::string most = std::to_string(limit.most);
    EXPECT_EQ(Parse({"--pid", "7", "--to-node", "1", limit.option, most.c_str()}, options),
              std::nullopt);
    EXPECT_EQ(options.spec.limits.*limit.value, limit.most);
    const std::string more = std::to_string(limit.most + 1);
    EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", limit.option, more.c_str()}),
                HasSubstr(" to " + most));
  }
  Options options;
  EXPECT_EQ(Parse({"--pid", "7", "--to-node", "1", "--batch", "4096"}, options), std::nullopt);
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--batch", "4097"}),
              HasSubstr("from 1 to 4096"));
}

TEST(ParseOptionsTest, ThrottleIsAnAliasOfBandwidth) {
  Options options;
  const char* const alias = "--throttle";
  ASSERT_EQ(Parse({"--pid", "7", "--to-node", "1", alias, "4M/s"}, options), std::nullopt);
  EXPECT_EQ(options.spec.limits.bytes_per_second, int64_t{4} << 20);
}

TEST(ParseOptionsTest, HoldsGoWithOneWorker) {
  Options options;
  ASSERT_EQ(Parse({"--pid", "7", "--to-node", "1", "--hold", "--workers", "1"}, options),
            std::nullopt);
  EXPECT_EQ(options.spec.hold, HoldMode::kPtrace);
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--hold", "--workers", "2"}),
              HasSubstr("omit --workers"));
}

TEST(ParseOptionsTest, VerifyLooksOnceAfterTenSeconds) {
  Options options;
  ASSERT_EQ(Parse({"--pid", "7", "--to-node", "1", "--verify"}, options), std::nullopt);
  EXPECT_THAT(options.spec.verify_after, ElementsAre(absl::Seconds(10)));
}

TEST(ParseOptionsTest, MapsNodes) {
  Options options;
  ASSERT_EQ(Parse({"--pid", "7", "--node-map", "0:1,1:0"}, options), std::nullopt);
  EXPECT_EQ(options.spec.node_map, (NodeMap{{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{0}}}));
  EXPECT_EQ(options.spec.target_nodes, NodeSet());
}

TEST(ParseOptionsTest, Helper) {
  Options options;
  ASSERT_EQ(Parse({"helper", "--alloc", "512M", "--seed", "42", "--node", "0", "--thp"}, options),
            std::nullopt);
  EXPECT_EQ(options.command, Command::kHelper);
  EXPECT_EQ(options.helper.bytes, int64_t{512} << 20);
  EXPECT_EQ(options.helper.seed, 42u);
  EXPECT_EQ(options.helper.node, NodeId{0});
  EXPECT_TRUE(options.helper.huge_pages);
}

TEST(ParseOptionsTest, SaysWhatIsWrongAndWhatIsRight) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("--pid PID"));
  EXPECT_THAT(ErrorOf({"--pid", "7"}), HasSubstr("add --check to show"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--check", "--hold"}),
              HasSubstr("--hold cannot be combined with --check"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--check", "--to-node", "1"}), HasSubstr("--check"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--node-map", "0:1"}),
              HasSubstr("--node-map"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--node-map", "0:1", "--from-node", "0"}),
              HasSubstr("--from-node cannot be combined with --node-map"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--json", "--csv"}), HasSubstr("--json"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--batch", "8", "--max-call-time", "1ms"}),
              HasSubstr("--max-call-time"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--batch", "0"}),
              HasSubstr("'0': write a whole number from 1"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--shared", "some"}),
              HasSubstr("'some': write never, owned or all"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--bandwidth", "0"}),
              HasSubstr("ERROR: --bandwidth: '0' is not a bandwidth"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--numa-balancing", "on"}),
              HasSubstr("only switch it off"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--policy", "interleave"}),
              HasSubstr("'interleave': write bind"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--verify-after", "1s"}),
              HasSubstr("--verify"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--verify", "--verify-after", "1s,never"}),
              HasSubstr("'never' is not a time span"));
  EXPECT_THAT(ErrorOf({"helper"}), HasSubstr("--alloc is required"));
  EXPECT_THAT(ErrorOf({"helper", "--alloc", "0"}), HasSubstr("a size above 0"));
}

// The help mentions what is not obvious and costs those who do not know it.
TEST(HelpTest, SaysWhatOptionsCost) {
  Options options;
  testing::internal::CaptureStdout();
  ASSERT_EQ(Parse({"--help"}, options), kExitSuccess);
  std::string help = testing::internal::GetCapturedStdout();
  help = absl::StrJoin(absl::StrSplit(help, absl::ByAnyChar(" \n"), absl::SkipEmpty()), " ");
  for (const char* words :
       {"numa-migrate works on one process", "localityctl migrate --cgroup",
        "including shared pages and without a bandwidth limit", "Needs root",
        "kill -9 leaves it off", "--bandwidth,--throttle", "--throttle is an alias",
        "130, 143, 129 ended by SIGINT (Ctrl-C), SIGTERM, SIGHUP", "reserve of 2 %",
        "one kernel call takes at most this time", "smaller batches need more calls",
        "a fifth of the time", "Not with --workers", "traced or has more than 256 threads",
        "before Linux 6.3, or with a busy thread on every CPU"}) {
    EXPECT_THAT(help, HasSubstr(words));
  }
}

// --help and the man page have the same options.
TEST(ManPageTest, HasEveryOptionOfTheHelp) {
  Options options;
  testing::internal::CaptureStdout();
  ASSERT_EQ(Parse({"--help"}, options), kExitSuccess);
  const std::string help = testing::internal::GetCapturedStdout();
  testing::internal::CaptureStdout();
  ASSERT_EQ(Parse({"--man"}, options), kExitSuccess);
  const std::string page = testing::internal::GetCapturedStdout();
  EXPECT_THAT(page, HasSubstr(".TH NUMA\\-MIGRATE 1"));
  for (const char* option : {"pid",
                             "range",
                             "check",
                             "to-node",
                             "node-map",
                             "dry-run",
                             "from-node",
                             "shared",
                             "hold",
                             "workers",
                             "max-call-time",
                             "batch",
                             "bandwidth",
                             "throttle",
                             "retries",
                             "min-moved",
                             "pin-threads",
                             "policy",
                             "numa-balancing",
                             "verify",
                             "verify-after",
                             "verify-numa-maps",
                             "json",
                             "csv",
                             "version",
                             "help"}) {
    EXPECT_THAT(help, HasSubstr(std::string("--") + option));
    std::string in_roff = std::string("--") + option;
    for (size_t at = 0; (at = in_roff.find('-', at)) != std::string::npos; at += 2) {
      in_roff.replace(at, 1, "\\-");
    }
    EXPECT_THAT(page, HasSubstr(in_roff + "\\fR"));
  }
  for (const char* option : {"alloc", "seed", "node", "thp"}) {
    EXPECT_THAT(page, HasSubstr(std::string("\\fB\\-\\-") + option + "\\fR"));
  }
  EXPECT_THAT(page, HasSubstr("swap two nodes"));
}

TEST(ParseMemoryPartTest, ReadsSizesRangesAndAll) {
  EXPECT_EQ(ParseMemoryPart("512M")->first_bytes, int64_t{512} << 20);
  EXPECT_EQ(ParseMemoryPart("1000-2000")->range, (AddressRange{0x1000, 0x2000}));
  EXPECT_EQ(ParseMemoryPart("all")->range, kWholeAddressSpace);
  EXPECT_EQ(ParseMemoryPart("all")->first_bytes, std::nullopt);
  for (const char* text : {"", "0", "12q", "everything", "2000-1000"}) {
    EXPECT_FALSE(ParseMemoryPart(text).ok()) << text;
  }
}

TEST(TakeLargestTest, TakesWholeMappingsAndTheFrontOfTheLast) {
  const AddressRange small{0, 10};
  const AddressRange large{10, 20};
  const AddressRange middle{20, 30};
  const std::vector<MappingPages> mappings = {{small, 1}, {large, 100}, {middle, 50}};

  EXPECT_THAT(TakeLargest(mappings, 100).whole, ElementsAre(large));
  EXPECT_FALSE(TakeLargest(mappings, 100).front.has_value());

  const LargestMappings more = TakeLargest(mappings, 120);
  EXPECT_THAT(more.whole, ElementsAre(large));
  ASSERT_TRUE(more.front.has_value());
  EXPECT_EQ(more.front->range, middle);
  EXPECT_EQ(more.front->pages, 20);

  EXPECT_THAT(TakeLargest(mappings, 1000).whole, ElementsAre(large, middle, small));
}

TEST(TakeLargestTest, EquallyLargeOnesComeInAddressOrder) {
  const std::vector<MappingPages> mappings = {{{0, 10}, 5}, {{10, 20}, 5}, {{20, 30}, 0}};
  EXPECT_THAT(TakeLargest(mappings, 100).whole,
              ElementsAre(AddressRange{0, 10}, AddressRange{10, 20}));
}

class FindPartTest : public testing::Test {
 protected:
  FindPartTest() {
    const auto process = machine_.AddProcess(7);
    process->AddPages(0x100000, 10, 0);
    process->AddPages(0x200000, 30, 1);
    process->AddHole(0x400000, 1000);
    machine_.Publish(*process);
  }

  std::vector<AddressRange> Find(const MemoryPart& part, int64_t page_bytes = 4096) {
    const auto process = ProcessHandle::Open(machine_.kernel(), machine_.host(), 7);
    const PageScanner scanner(machine_.kernel(), machine_.clock(), machine_.host(), page_bytes);
    return *FindPart(part, *process, scanner, kPrivateKinds, page_bytes);
  }

  FakeMachine machine_;
};

TEST_F(FindPartTest, SizesCountResidentPagesNotMappedOnes) {
  MemoryPart part;
  part.first_bytes = 30 * 4096;
  EXPECT_THAT(Find(part), ElementsAre(AddressRange{0x200000, 0x21e000}));
}

TEST_F(FindPartTest, TheLastMappingIsCutAfterThePageThatReachesTheSize) {
  MemoryPart part;
  part.first_bytes = 33 * 4096 + 1;
  EXPECT_THAT(Find(part),
              ElementsAre(AddressRange{0x100000, 0x104000}, AddressRange{0x200000, 0x21e000}));
}

TEST_F(FindPartTest, RangesAreWidenedToPages) {
  EXPECT_THAT(Find({{0x1001, 0x1fff}, std::nullopt}), ElementsAre(AddressRange{0x1000, 0x2000}));
  EXPECT_THAT(Find({{0x1000, 0x2000}, std::nullopt}), ElementsAre(AddressRange{0x1000, 0x2000}));
  EXPECT_THAT(Find({{0x11001, 0x1ffff}, std::nullopt}, 64 << 10),
              ElementsAre(AddressRange{0x10000, 0x20000}));
}

}  // namespace

}  // namespace numalocality::numa_migrate::numa_migrate_options_test
