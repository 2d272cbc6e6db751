#include "agent/cli/numa_migrate/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace numalocality::numa_migrate::numa_migrate_options_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A command line without the program's name.
std::optional<ExitCode> Parse(const std::vector<const char*>& words, Options& options) {
  std::vector<const char*> argv = {"numa-migrate"};
  argv.insert(argv.end(), words.begin(), words.end());
  return ParseOptions(static_cast<int>(argv.size()), argv.data(), options);
}

// What is printed when the command line is wrong.
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
                   "1",
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
                   "--throttle",
                   "200M/s",
                   "--retries",
                   "0",
                   "--min-moved",
                   "0.5",
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
  EXPECT_EQ(spec.target_nodes, NodeSet{NodeId{1}});
  EXPECT_EQ(spec.source_nodes, (NodeSet{NodeId{0}, NodeId{2}, NodeId{3}}));
  EXPECT_EQ(options.sharing, SharingRule::kAll);
  EXPECT_EQ(spec.hold, HoldMode::kNone);
  EXPECT_EQ(spec.limits.workers, 2);
  EXPECT_EQ(spec.limits.batch_pages, 64);
  EXPECT_EQ(spec.limits.bytes_per_second, int64_t{200} << 20);
  EXPECT_EQ(spec.limits.retries, 0);
  EXPECT_EQ(spec.min_moved, 0.5);
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

// What the parser lets pass the engine takes, and the other way round.
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

TEST(ParseOptionsTest, HoldsGoWithOneWorker) {
  Options options;
  ASSERT_EQ(Parse({"--pid", "7", "--to-node", "1", "--hold", "--workers", "1"}, options),
            std::nullopt);
  EXPECT_EQ(options.spec.hold, HoldMode::kPtrace);
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--hold", "--workers", "2"}),
              HasSubstr("leave out --workers"));
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
  EXPECT_THAT(ErrorOf({"--pid", "7"}), HasSubstr("--check to look"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--check", "--hold"}), HasSubstr("--hold is about moving"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--check", "--to-node", "1"}), HasSubstr("--check"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--node-map", "0:1"}),
              HasSubstr("--node-map"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--node-map", "0:1", "--from-node", "0"}),
              HasSubstr("leave out --from-node"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--json", "--csv"}), HasSubstr("--json"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--batch", "8", "--max-call-time", "1ms"}),
              HasSubstr("--max-call-time"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--batch", "0"}),
              HasSubstr("'0': write a whole number from 1"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--shared", "some"}),
              HasSubstr("'some': write never, owned or all"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--throttle", "0"}),
              HasSubstr("'0' is not a rate"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--numa-balancing", "on"}),
              HasSubstr("only be switched off"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--policy", "interleave"}),
              HasSubstr("'interleave': write bind"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--verify-after", "1s"}),
              HasSubstr("--verify"));
  EXPECT_THAT(ErrorOf({"--pid", "7", "--to-node", "1", "--verify", "--verify-after", "1s,never"}),
              HasSubstr("'never' is not a time span"));
  EXPECT_THAT(ErrorOf({"helper"}), HasSubstr("--alloc is required"));
  EXPECT_THAT(ErrorOf({"helper", "--alloc", "0"}), HasSubstr("more than 0"));
}

// What is not obvious, and costs those who do not know it.
TEST(HelpTest, SaysWhatOptionsCost) {
  Options options;
  testing::internal::CaptureStdout();
  ASSERT_EQ(Parse({"--help"}, options), kExitSuccess);
  std::string help = testing::internal::GetCapturedStdout();
  help = absl::StrJoin(absl::StrSplit(help, absl::ByAnyChar(" \n"), absl::SkipEmpty()), " ");
  for (const char* words :
       {"every other process is a stranger", "localityctl migrate --cgroup",
        "shared pages too, unthrottled", "Needs root", "kill -9 leaves it off",
        "130, 143, 129 ended by SIGINT (Ctrl-C), SIGTERM, SIGHUP", "reserve of 2 %",
        "the pages' part of each kernel call", "smaller batches multiply", "a fifth of the time",
        "Not with --workers", "traced or has more than 256 threads",
        "before Linux 6.3, or with a busy thread on every CPU"}) {
    EXPECT_THAT(help, HasSubstr(words));
  }
}

// Every option that --help tells of is in the man page: both are made of the same description.
TEST(ManPageTest, HasEveryOptionOfTheHelp) {
  Options options;
  testing::internal::CaptureStdout();
  ASSERT_EQ(Parse({"--help"}, options), kExitSuccess);
  const std::string help = testing::internal::GetCapturedStdout();
  testing::internal::CaptureStdout();
  ASSERT_EQ(Parse({"--man"}, options), kExitSuccess);
  const std::string page = testing::internal::GetCapturedStdout();
  EXPECT_THAT(page, HasSubstr(".TH NUMA\\-MIGRATE 1"));
  for (const char* option : {"pid",         "range",         "check",
                             "to-node",     "node-map",      "dry-run",
                             "from-node",   "shared",        "hold",
                             "workers",     "max-call-time", "batch",
                             "throttle",    "retries",       "min-moved",
                             "pin-threads", "policy",        "numa-balancing",
                             "verify",      "verify-after",  "verify-numa-maps",
                             "json",        "csv",           "version",
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

}  // namespace
}  // namespace numalocality::numa_migrate::numa_migrate_options_test
