#include "agent/cli/numa_migrate/options.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/units.h"
#include "agent/base/version.h"
#include "agent/cli/arguments.h"
#include "agent/cli/help_format.h"
#include "agent/cli/numa_migrate/man_page.h"
#include "agent/engine/move/spec_check.h"
#include "agent/model/batch_size.h"

namespace numalocality::numa_migrate {
namespace {

constexpr char kAbout[] = "Shows where a process's memory is, and moves it between NUMA nodes.";

// Headings in --help and the man page.
constexpr char kWhat[] = "What to do";
constexpr char kHow[] = "How to move";
constexpr char kStay[] = "Keeping the memory there";
constexpr char kVerify[] = "Verification";
constexpr char kOutput[] = "Output";

// Long enough to see the effect of automatic NUMA balancing, which scans a process every few
// seconds.
constexpr absl::Duration kVerifyAfter = absl::Seconds(10);

constexpr char kNotes[] = R"(
Moves anonymous and shared memory while the process runs. Page cache and hugetlb pages stay where
they are, and so do pages that would fill a node beyond a reserve of 2 % of its memory. Processes of
your own user need no privilege; processes of other users need CAP_SYS_PTRACE, and pages that
several processes map need CAP_SYS_NICE.

Examples:
  numa-migrate --pid 4321 --check                      show where its pages are
  numa-migrate --pid 4321 --to-node 1 --verify         move all of them to node 1, and scan again
  numa-migrate --pid 4321 --to-node 1 --range 512M     move only 512 MiB, largest mappings first
  numa-migrate --pid 4321 --to-node 1 --from-node 2,3  move only what is on nodes 2 and 3
  numa-migrate --pid 4321 --node-map 0:1,1:0           swap two nodes
  numa-migrate --pid 4321 --to-node 1 --dry-run        show what would move, and how long it takes
  numa-migrate --pid 4321 --to-node 1 --pin-threads --policy bind --numa-balancing off
                                                       move its pages, and keep them there
  numa-migrate helper --alloc 512M --seed 42           run a process to try numa-migrate on

Exit codes: 0 success; 1 invalid arguments or no such process; 2 permission denied; 3 less than
--min-moved of the wanted pages are on their target; 130, 143, 129 ended by SIGINT (Ctrl-C),
SIGTERM, SIGHUP, after the partial result.
)";

// A whole number from `Low` to `High`.
template <int Low, int High>
absl::StatusOr<int> ParseCount(absl::string_view text) {
  int count = 0;
  if (absl::SimpleAtoi(text, &count) && count >= Low && count <= High) return count;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "': write a whole number from ", Low, " to ", High));
}

// "200M", "200M/s".
absl::StatusOr<int64_t> ParseBandwidth(absl::string_view text) {
  const auto bytes = ParseBytes(absl::StripSuffix(text, "/s"));
  if (bytes.ok() && *bytes > 0) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not a bandwidth; write bytes per second above 0, such as 200M or 200M/s"));
}

// Parses "1s,10s,60s". Returns the times in ascending order and without duplicates.
absl::StatusOr<std::vector<absl::Duration>> ParseTimes(absl::string_view text) {
  std::vector<absl::Duration> times;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    NL_ASSIGN_OR_RETURN(const absl::Duration time, ParseTimeSpan(part));
    times.push_back(time);
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

absl::StatusOr<int64_t> ParseAllocation(absl::string_view text) {
  NL_ASSIGN_OR_RETURN(const int64_t bytes, ParseBytes(text));
  if (bytes > 0) return bytes;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "': write a size above 0, such as 512M"));
}

absl::StatusOr<uint64_t> ParseSeed(absl::string_view text) {
  uint64_t seed = 0;
  if (absl::SimpleAtoi(text, &seed)) return seed;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "': write a whole number from 0"));
}

absl::StatusOr<SharingRule> ParseSharing(absl::string_view text) {
  if (text == "never") return SharingRule::kNever;
  if (text == "owned") return SharingRule::kOwned;
  if (text == "all") return SharingRule::kAll;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "': write never, owned or all"));
}

absl::StatusOr<BindPolicy> ParsePolicy(absl::string_view text) {
  if (text == "bind") return BindPolicy::kBind;
  if (text == "force-bind") return BindPolicy::kForced;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "': write bind or force-bind"));
}

// Takes one word only. The option has a value so that the command line says what it does.
absl::StatusOr<bool> ParseOff(absl::string_view text) {
  if (text == "off") return true;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "': write off; numa-migrate can only switch it off"));
}

using OptionList = std::vector<CLI::Option*>;

// Returns the options that --check does not take.
OptionList AddWhat(CLI::App& app, Options& options) {
  auto* pid =
      AddParsedOption(app, "--pid", ParsePid, options.pid, "PID of the process")->type_name("PID");
  auto* range = AddParsedOption(
                    app, "--range", ParseMemoryPart, options.part,
                    "Work on a part of the memory: SIZE, such as 512M of resident memory, largest "
                    "mappings first; START-END, hexadecimal addresses as in /proc/PID/maps; all, "
                    "the default")
                    ->type_name("RANGE");
  auto* check = app.add_flag_callback(
      "--check", [&options] { options.command = Command::kCheck; },
      "Print the share of the pages on each node; move nothing");
  auto* to = AddParsedOption(app, "--to-node", ParseNodes, options.spec.target_nodes,
                             "Move the memory to this node or, of several such as 0,1, to the "
                             "nearest one that has room: a full one hands over to the next")
                 ->type_name("NODES")
                 ->excludes(check);
  auto* map = AddParsedOption(
                  app, "--node-map", ParseNodeMap, options.spec.node_map,
                  "Move the memory of each OLD node to its NEW node, all at once: 0:1,1:0 swaps "
                  "two nodes")
                  ->type_name("OLD:NEW,...")
                  ->excludes(check)
                  ->excludes(to);
  auto* dry_run = app.add_flag("--dry-run", options.dry_run,
                               "Print what would move, what cannot move and why, and the expected "
                               "time; move nothing");
  for (CLI::Option* option : {pid, range, check, to, map, dry_run}) option->group(kWhat);
  return {dry_run};
}

// --check takes none of these options, nor those of AddStay and AddVerify.
OptionList AddHow(CLI::App& app, Options& options) {
  MoveLimits& limits = options.spec.limits;
  auto* call_time =
      AddParsedOption(
          app, "--max-call-time", ParseTimeSpan, limits.longest_call,
          "Choose batches so that moving the pages of one kernel call takes at most this time; "
          "default 10ms. A thread that uses one of these pages waits until they have moved. Each "
          "call also has a fixed cost, for which no thread waits: smaller batches need more calls, "
          "and the migration takes longer")
          ->type_name("DURATION");
  OptionList added = {
      AddParsedOption(app, "--from-node", ParseNodes, options.spec.source_nodes,
                      "Move only what is on these nodes, such as 0,2-3; default: all other nodes")
          ->type_name("NODES"),
      AddParsedOption(
          app, "--shared", ParseSharing, options.sharing,
          "Pages that several processes can map: never leaves them where they are; owned "
          "moves them if no other process maps them; all moves them in any case. numa-migrate "
          "works on one process. To move pages that several processes of a workload share, "
          "use the agent (localityctl migrate --cgroup). Default: owned with CAP_SYS_NICE, "
          "else never")
          ->type_name("RULE"),
      app.add_flag_callback(
          "--hold", [&options] { options.spec.hold = HoldMode::kPtrace; },
          "Hold the process still by ptrace during each batch. It runs a fifth of the time during "
          "the migration. Useful before Linux 6.3, or with a busy thread on every CPU. Not with "
          "--workers above 1; refused if the process is traced or has more than 256 threads. The "
          "kernel lets the process continue if numa-migrate dies"),
      AddParsedOption(app, "--workers", ParseCount<1, kMaxWorkers>, limits.workers,
                      "Number of threads that move pages in parallel; default 1")
          ->type_name("N"),
      call_time,
      AddParsedOption(app, "--batch", ParseCount<1, BatchSize::kMax>, limits.batch_pages,
                      "Move this many pages in each kernel call, regardless of the time")
          ->type_name("PAGES")
          ->excludes(call_time),
      AddParsedOption(app, "--bandwidth,--throttle", ParseBandwidth, limits.bytes_per_second,
                      "Move no more than this per second, such as 200M/s; default: no limit. "
                      "--throttle is an alias")
          ->type_name("BYTES/s"),
      AddParsedOption(app, "--retries", ParseCount<0, kMaxRetries>, limits.retries,
                      "How many times to retry a busy page; default 3")
          ->type_name("N"),
      AddParsedOption(app, "--reclaim-cache", ParseFraction, options.reclaim_cache,
                      "Fraction of a target's clean inactive page cache that counts as room: the "
                      "kernel drops it when memory is moved there; default 0.25, 0 for none")
          ->type_name("FRACTION"),
      AddParsedOption(app, "--min-moved", ParseFraction, options.spec.min_moved,
                      "Fraction of the wanted pages on target that counts as success; default 0.9")
          ->type_name("FRACTION")};
  for (CLI::Option* option : added) option->group(kHow);
  return added;
}

OptionList AddStay(CLI::App& app, Options& options) {
  OptionList added = {
      app.add_flag("--pin-threads", options.pin_threads,
                   "Pin every thread of the process to the CPUs of the target nodes, permanently"),
      AddParsedOption(
          app, "--policy", ParsePolicy, options.bind,
          "bind: after the move, write the target nodes to cpuset.mems of the process's "
          "cgroup, which must hold no other process. The kernel then moves the memory that "
          "is still elsewhere, including shared pages and without a bandwidth limit. "
          "Refused if mapped files or hugetlb pages among it need the target's reserve or hugetlb "
          "pool. force-bind: not refused, also not before Linux 6.7, where the process may stall "
          "meanwhile")
          ->type_name("bind|force-bind"),
      AddParsedOption(app, "--numa-balancing", ParseOff, options.balancing_off,
                      "off: switch automatic NUMA balancing off on the whole machine until "
                      "numa-migrate ends, also by Ctrl-C; kill -9 leaves it off. Needs root")
          ->type_name("off")};
  for (CLI::Option* option : added) option->group(kStay);
  return added;
}

OptionList AddVerify(CLI::App& app, Options& options) {
  auto* verify =
      app.add_flag("--verify", options.verify,
                   "Scan again after the move: print what is on target, what drifted and "
                   "the likely cause, cross-checked with numa_maps");
  OptionList added = {
      verify,
      AddParsedOption(
          app, "--verify-after", ParseTimes, options.spec.verify_after,
          "Times after the last batch at which to scan, such as 1s,10s,60s; default 10s")
          ->type_name("DURATION,...")
          ->needs(verify),
      app.add_flag("--verify-numa-maps", options.verify_numa_maps,
                   "Cross-check even if a mapping has more than 256 MiB. Reading numa_maps then "
                   "stalls the process's mmap for about 10 ms per GiB")
          ->needs(verify)};
  for (CLI::Option* option : added) option->group(kVerify);
  return added;
}

void AddOutput(CLI::App& app, OutputFormat& format) {
  app.set_version_flag("--version", VersionText())->group(kOutput);
  app.set_help_flag("-h,--help", "Print this help and exit")->group(kOutput);
  // The build generates the man page with it. Not in --help.
  app.add_flag_callback("--man",
                        [&app] {
                          std::cout << ManPage(app);
                          throw CLI::Success();
                        })
      ->group("");
  auto* json = app.add_flag_callback(
      "--json", [&format] { format = OutputFormat::kJson; }, "Print one JSON object");
  auto* csv = app.add_flag_callback(
      "--csv", [&format] { format = OutputFormat::kCsv; },
      "Print CSV: a line of names, then lines of values");
  json->group(kOutput);
  csv->group(kOutput)->excludes(json);
}

void AddHelper(CLI::App& app, HelperOptions& helper) {
  CLI::App* command = app.add_subcommand(
      "helper", "Run a process that checks its own memory, to try numa-migrate on");
  AddParsedOption(*command, "--alloc", ParseAllocation, helper.bytes,
                  "Size of the memory, such as 512M; required")
      ->type_name("SIZE")
      ->required();
  AddParsedOption(*command, "--seed", ParseSeed, helper.seed, "Seed of the content; default 0")
      ->type_name("N");
  AddParsedOption(*command, "--node", ParseNode, helper.node,
                  "Node on which the memory is allocated; default: any")
      ->type_name("NODE");
  command->add_flag("--thp", helper.huge_pages,
                    "Use transparent huge pages; default: base pages only");
}

// Checks what the parser cannot: missing options, and options that exclude each other.
absl::Status CheckTogether(const Options& options, const OptionList& not_for_check) {
  if (options.pid == 0) return absl::InvalidArgumentError("no process is given: add --pid PID");
  const bool check = options.command == Command::kCheck;
  if (!check && options.spec.target_nodes.empty() && options.spec.node_map.empty()) {
    return absl::InvalidArgumentError(
        "no action is given: add --check to show where the pages are, or --to-node N or "
        "--node-map OLD:NEW to move them");
  }
  for (const CLI::Option* option : not_for_check) {
    if (check && !option->empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          option->get_name(), " cannot be combined with --check, which moves nothing"));
    }
  }
  if (!options.spec.node_map.empty() && !options.spec.source_nodes.empty()) {
    return absl::InvalidArgumentError(
        "--from-node cannot be combined with --node-map, which names the sources");
  }
  if (options.spec.hold != HoldMode::kNone && options.spec.limits.workers > 1) {
    return absl::InvalidArgumentError("--hold works with one worker only: omit --workers");
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<ExitCode> ParseOptions(int argc, const char* const* argv, Options& options) {
  CLI::App app(kAbout, "numa-migrate");
  app.formatter(std::make_shared<HelpFormat>());
  OptionList not_for_check = AddWhat(app, options);
  for (const auto& add : {AddHow, AddStay, AddVerify}) {
    const OptionList added = add(app, options);
    not_for_check.insert(not_for_check.end(), added.begin(), added.end());
  }
  AddOutput(app, options.format);
  AddHelper(app, options.helper);
  app.footer(kNotes);  // after the subcommand, which would inherit it

  if (const auto exit_code = ParseCommandLine(app, argc, argv)) return exit_code;
  if (app.got_subcommand("helper")) {
    options.command = Command::kHelper;
    return std::nullopt;
  }
  if (const absl::Status status = CheckTogether(options, not_for_check); !status.ok()) {
    return Fail(
        absl::InvalidArgumentError(absl::StrCat(status.message(), "; see numa-migrate --help")));
  }
  if (options.verify && options.spec.verify_after.empty()) {
    options.spec.verify_after = {kVerifyAfter};
  }
  return std::nullopt;
}

NodeSet TargetsOf(const MigrationSpec& spec) {
  return spec.node_map.empty() ? spec.target_nodes : TargetsOf(spec.node_map);
}

}  // namespace numalocality::numa_migrate
