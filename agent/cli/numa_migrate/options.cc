#include "agent/cli/numa_migrate/options.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/units.h"
#include "agent/base/version.h"
#include "agent/cli/arguments.h"
#include "agent/cli/numa_migrate/help_format.h"
#include "agent/cli/numa_migrate/man_page.h"
#include "agent/engine/move/spec_check.h"
#include "agent/model/batch_size.h"

namespace numalocality::numa_migrate {
namespace {

constexpr char kAbout[] = "Shows where a process's memory is, and moves it between NUMA nodes.";

// Headings of --help and of the man page.
constexpr char kWhat[] = "What to do";
constexpr char kHow[] = "How to move";
constexpr char kStay[] = "Keeping it there";
constexpr char kLook[] = "Looking again";
constexpr char kOutput[] = "Output";

// Long enough for automatic NUMA balancing to show, which looks at a process every few seconds.
constexpr absl::Duration kVerifyAfter = absl::Seconds(10);

constexpr char kNotes[] = R"(
Moves anonymous and shared memory, while the process runs; page cache and hugetlb pages stay where
they are, and so does what would fill a node beyond a reserve of 2 % of its memory. Works without
privilege on processes of one's own user; CAP_SYS_PTRACE is needed for others', CAP_SYS_NICE for
pages that several processes map.

Examples:
  numa-migrate --pid 4321 --check                               where are its pages?
  numa-migrate --pid 4321 --to-node 1 --verify                  move all of them to node 1, look again
  numa-migrate --pid 4321 --to-node 1 --range 512M              only 512 MiB, largest mappings first
  numa-migrate --pid 4321 --to-node 1 --from-node 2,3           only what is on nodes 2 and 3
  numa-migrate --pid 4321 --node-map 0:1,1:0                    swap two nodes
  numa-migrate --pid 4321 --to-node 1 --dry-run                 what would move, and how long?
  numa-migrate --pid 4321 --to-node 1 --pin-threads --policy bind --numa-balancing off
                                                                move it, and keep it there
  numa-migrate helper --alloc 512M --seed 42                    a process to try it on

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
absl::StatusOr<int64_t> ParseRate(absl::string_view text) {
  const auto rate = ParseBytes(absl::StripSuffix(text, "/s"));
  if (rate.ok() && *rate > 0) return rate;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a rate; write bytes per second above 0, such as 200M/s"));
}

// "1s,10s,60s", in ascending order and without duplicates afterwards.
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
  return absl::InvalidArgumentError(absl::StrCat("size '", text, "': must be more than 0"));
}

absl::StatusOr<uint64_t> ParseSeed(absl::string_view text) {
  uint64_t seed = 0;
  if (absl::SimpleAtoi(text, &seed)) return seed;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "': write a whole number, 0 or more"));
}

absl::StatusOr<SharingRule> ParseSharing(absl::string_view text) {
  if (text == "never") return SharingRule::kNever;
  if (text == "owned") return SharingRule::kOwned;
  if (text == "all") return SharingRule::kAll;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "': write never, owned or all"));
}

absl::StatusOr<NodeSet> ParseOneNode(absl::string_view text) {
  NL_ASSIGN_OR_RETURN(const NodeId node, ParseNode(text));
  return NodeSet{node};
}

absl::StatusOr<BindPolicy> ParsePolicy(absl::string_view text) {
  if (text == "bind") return BindPolicy::kBind;
  if (text == "force-bind") return BindPolicy::kForced;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "': write bind, or force-bind"));
}

// One word only, so that the line says what happens to it.
absl::StatusOr<bool> ParseOff(absl::string_view text) {
  if (text == "off") return true;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "': it can only be switched off while this runs"));
}

using OptionList = std::vector<CLI::Option*>;

// Returns those that are about moving.
OptionList AddWhat(CLI::App& app, Options& options) {
  auto* pid = AddParsedOption(app, "--pid", ParsePid, options.pid, "The process")->type_name("PID");
  auto* range =
      AddParsedOption(app, "--range", ParseMemoryPart, options.part,
                      "Only part of its memory: SIZE, so much of what is resident, largest "
                      "mappings first; START-END, hexadecimal addresses; all, the default")
          ->type_name("RANGE");
  auto* check = app.add_flag_callback(
      "--check", [&options] { options.command = Command::kCheck; },
      "Only print the share of its pages on each node");
  auto* to = AddParsedOption(app, "--to-node", ParseOneNode, options.spec.target_nodes,
                             "Move its memory to this node")
                 ->type_name("NODE")
                 ->excludes(check);
  auto* map =
      AddParsedOption(app, "--node-map", ParseNodeMap, options.spec.node_map,
                      "Move its memory from each OLD to its NEW, all at once: 0:1,1:0 swaps "
                      "two nodes")
          ->type_name("OLD:NEW,...")
          ->excludes(check)
          ->excludes(to);
  auto* dry_run = app.add_flag("--dry-run", options.dry_run,
                               "Print what would move, what cannot and why, and the expected time; "
                               "move nothing");
  for (CLI::Option* option : {pid, range, check, to, map, dry_run}) option->group(kWhat);
  return {dry_run};
}

// All of these, and of the two below, are about moving.
OptionList AddHow(CLI::App& app, Options& options) {
  MoveLimits& limits = options.spec.limits;
  auto* call_time =
      AddParsedOption(
          app, "--max-call-time", ParseTimeSpan, limits.longest_call,
          "Keep the pages' part of each kernel call under this time, for which a thread "
          "may wait for one of them; default 10ms. A call has a part of its own, too, "
          "whatever its size: no thread waits for that, but smaller batches multiply it")
          ->type_name("DURATION");
  OptionList added = {
      AddParsedOption(app, "--from-node", ParseNodes, options.spec.source_nodes,
                      "Move only what is on these nodes, such as 0,2-3; default: all others")
          ->type_name("NODES"),
      AddParsedOption(
          app, "--shared", ParseSharing, options.sharing,
          "Pages that several processes map: never leaves them; owned moves them if no "
          "other process maps them; all moves them, whoever else uses them. With one "
          "PID every other process is a stranger: the agent moves whole workloads "
          "(localityctl migrate --cgroup). Default: owned with CAP_SYS_NICE, else never")
          ->type_name("RULE"),
      app.add_flag_callback(
          "--hold", [&options] { options.spec.hold = HoldMode::kPtrace; },
          "Hold the process still during each batch, by ptrace: meanwhile it runs a fifth of the "
          "time. Worth it before Linux 6.3, or with a busy thread on every CPU. Not with "
          "--workers; refused if it is traced or has more than 256 threads. The kernel lets it go "
          "if numa-migrate dies"),
      AddParsedOption(app, "--workers", ParseCount<1, kMaxWorkers>, limits.workers,
                      "Threads that move at the same time; default 1")
          ->type_name("N"),
      call_time,
      AddParsedOption(app, "--batch", ParseCount<1, BatchSize::kMax>, limits.batch_pages,
                      "Pages in each kernel call, whatever time it takes")
          ->type_name("PAGES")
          ->excludes(call_time),
      AddParsedOption(app, "--throttle", ParseRate, limits.bytes_per_second,
                      "Move no more than this per second, such as 200M/s")
          ->type_name("BYTES/s"),
      AddParsedOption(app, "--retries", ParseCount<0, kMaxRetries>, limits.retries,
                      "How often to try a busy page again; default 3")
          ->type_name("N"),
      AddParsedOption(app, "--min-moved", ParseFraction, options.spec.min_moved,
                      "Fraction of the wanted pages on target that counts as success; default 0.9")
          ->type_name("FRACTION")};
  for (CLI::Option* option : added) option->group(kHow);
  return added;
}

OptionList AddStay(CLI::App& app, Options& options) {
  OptionList added = {
      app.add_flag("--pin-threads", options.pin_threads,
                   "Run every thread of the process on the CPUs of the target nodes, from now on"),
      AddParsedOption(
          app, "--policy", ParsePolicy, options.bind,
          "bind: write the target nodes to cpuset.mems of the process's own cgroup, if "
          "that holds no other process. The kernel then moves what is left elsewhere by "
          "itself, shared pages too, unthrottled; force-bind: also before Linux 6.7, "
          "where the process may stall while the kernel does it")
          ->type_name("bind"),
      AddParsedOption(app, "--numa-balancing", ParseOff, options.balancing_off,
                      "off: switch the kernel's automatic NUMA balancing off, for the whole "
                      "machine, until numa-migrate ends, also by Ctrl-C; kill -9 leaves it off. "
                      "Needs root")
          ->type_name("off")};
  for (CLI::Option* option : added) option->group(kStay);
  return added;
}

OptionList AddLook(CLI::App& app, Options& options) {
  auto* verify = app.add_flag("--verify", options.verify,
                              "Look again at the end: what is on target, what drifted away and "
                              "why; compared with numa_maps");
  OptionList added = {
      verify,
      AddParsedOption(app, "--verify-after", ParseTimes, options.spec.verify_after,
                      "When to look, from the last move on, such as 1s,10s,60s; default 10s")
          ->type_name("DURATION,...")
          ->needs(verify),
      app.add_flag("--verify-numa-maps", options.verify_numa_maps,
                   "Read numa_maps also if a mapping has more than 256 MiB, although that stalls "
                   "the process's mmap for some 10 ms per GiB")
          ->needs(verify)};
  for (CLI::Option* option : added) option->group(kLook);
  return added;
}

void AddOutput(CLI::App& app, OutputFormat& format) {
  app.set_version_flag("--version", VersionText())->group(kOutput);
  app.set_help_flag("-h,--help", "Print this help and exit")->group(kOutput);
  // For the build, which makes the man page of it.
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
      "Print a line of names, then lines of values");
  json->group(kOutput);
  csv->group(kOutput)->excludes(json);
}

void AddHelper(CLI::App& app, HelperOptions& helper) {
  CLI::App* command = app.add_subcommand(
      "helper",
      "A process with a fixed allocation that checks its content, to try numa-migrate on");
  AddParsedOption(*command, "--alloc", ParseAllocation, helper.bytes,
                  "How much memory, such as 512M")
      ->type_name("SIZE")
      ->required();
  AddParsedOption(*command, "--seed", ParseSeed, helper.seed,
                  "What the content is made of; default 0")
      ->type_name("N");
  AddParsedOption(*command, "--node", ParseNode, helper.node, "Where the memory is at first")
      ->type_name("NODE");
  command->add_flag("--thp", helper.huge_pages, "Use transparent huge pages, and no base pages");
}

// What the parser cannot know: what is missing, and what makes no sense together.
absl::Status CheckTogether(const Options& options, const OptionList& about_moving) {
  if (options.pid == 0) return absl::InvalidArgumentError("say which process: --pid PID");
  const bool check = options.command == Command::kCheck;
  if (!check && options.spec.target_nodes.empty() && options.spec.node_map.empty()) {
    return absl::InvalidArgumentError(
        "say what to do: --check to look, --to-node N or --node-map OLD:NEW to move");
  }
  for (const CLI::Option* option : about_moving) {
    if (check && !option->empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(option->get_name(), " is about moving, and --check only looks"));
    }
  }
  if (!options.spec.node_map.empty() && !options.spec.source_nodes.empty()) {
    return absl::InvalidArgumentError("--node-map names the sources: leave out --from-node");
  }
  if (options.spec.hold != HoldMode::kNone && options.spec.limits.workers > 1) {
    return absl::InvalidArgumentError("--hold goes with one worker only: leave out --workers");
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<ExitCode> ParseOptions(int argc, const char* const* argv, Options& options) {
  CLI::App app(kAbout, "numa-migrate");
  app.footer(kNotes);
  app.formatter(std::make_shared<HelpFormat>());
  OptionList about_moving = AddWhat(app, options);
  for (const auto& add : {AddHow, AddStay, AddLook}) {
    const OptionList added = add(app, options);
    about_moving.insert(about_moving.end(), added.begin(), added.end());
  }
  AddOutput(app, options.format);
  AddHelper(app, options.helper);

  if (const auto exit_code = ParseCommandLine(app, argc, argv)) return exit_code;
  if (app.got_subcommand("helper")) {
    options.command = Command::kHelper;
    return std::nullopt;
  }
  if (const absl::Status status = CheckTogether(options, about_moving); !status.ok()) {
    return Fail(
        absl::InvalidArgumentError(absl::StrCat(status.message(), "; see numa-migrate --help")));
  }
  if (options.verify && options.spec.verify_after.empty()) {
    options.spec.verify_after = {kVerifyAfter};
  }
  return std::nullopt;
}

}  // namespace numalocality::numa_migrate
