#include "tests/integrity/options.h"

#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <string_view>

#include "tests/integrity/fail.h"
#include "tests/integrity/word.h"

namespace numalocality::integrity {
namespace {

constexpr const char kHelp[] = R"(integrity-workload: memory that checks itself while its pages move
  --bytes SIZE          anonymous memory of all processes together (256M; K, M, G)
  --workers N           threads in each process, 1 to 8 (2)
  --processes N         processes, 1 to 1000 (1)
  --thp never|always    transparent huge pages, by madvise (never)
  --sharing HOW         none: each process has separate memory (default); mapping: all share
                        one mapping; fork: populated before the processes are forked
  --map FILE            map all of FILE as well, in each process, and read it once
  --idle                touch nothing after populating; check all at SIGUSR1 and at the end
  --ops-per-second N    at most N operations per second, over all workers (no limit)
  --pin-every N         give one page in N an extra reference, so that it cannot move
  --control KIND        damage pages on purpose: torn, stale, misplaced, zero or flip
  --seconds S           end after S seconds (default: at SIGTERM or SIGINT)
  --report FILE         append the JSON lines of standard output to FILE as well
Events: ready, progress (each second), mismatch (the first few), checked (after SIGUSR1), result.
Exit code: 0 all memory is correct, 1 it is not or nothing was checked, 2 bad arguments or set-up.
)";

uint64_t ParseNumber(const std::string& option, const std::string& text, uint64_t least,
                     uint64_t most, const char* hint = "") {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    Fail(option + " '" + text + "': must be a whole number from " + std::to_string(least) + " to " +
         std::to_string(most) + hint);
  }
  return value;
}

size_t ParseBytes(const std::string& option, const std::string& text) {
  constexpr std::string_view kUnits = "KMG";
  constexpr uint64_t kMost = uint64_t{1} << 20;  // GiB: no machine has more
  const size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  constexpr const char* kHint = "; K, M or G may follow";
  if (unit == std::string_view::npos) return ParseNumber(option, text, 1, kMost << 30, kHint);
  const size_t shift = 10 * (unit + 1);
  const std::string number = text.substr(0, text.size() - 1);
  return ParseNumber(option, number, 1, (kMost << 30) >> shift, kHint) << shift;
}

template <typename Value>
Value ParseChoice(const std::string& option, const std::string& text,
                  const std::map<std::string, Value>& choices) {
  const auto choice = choices.find(text);
  if (choice != choices.end()) return choice->second;
  std::string names;
  for (const auto& [name, value] : choices) names += (names.empty() ? "" : ", ") + name;
  Fail(option + " '" + text + "': must be one of " + names);
}

void Validate(const Options& options) {
  const size_t slices = options.workers * options.processes;
  if (options.bytes % kPageBytes != 0 || options.bytes / kPageBytes < slices) {
    Fail("--bytes " + std::to_string(options.bytes) + ": must be a multiple of " +
         std::to_string(kPageBytes) + ", and at least a page for each of the " +
         std::to_string(slices) + " workers");
  }
  if (options.bytes / slices >= kMaxSliceBytes) {
    Fail("--bytes " + std::to_string(options.bytes) + ": a worker can own less than " +
         std::to_string(kMaxSliceBytes) + " bytes; use more workers or processes");
  }
  if (options.sharing == Sharing::kFork && !options.idle) {
    Fail("--sharing fork: a page that is written is shared no more; add --idle");
  }
  if (options.sharing != Sharing::kNone && (options.pin_every != 0 || options.control)) {
    Fail("--pin-every and --control need memory of each process's own: no --sharing");
  }
  const bool needs_writes = options.control == Control::kTorn || options.control == Control::kStale;
  if (options.idle && needs_writes) {
    Fail("--control torn and stale damage pages between two writes; with --idle there are none");
  }
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  Options options;
  std::string name;
  constexpr uint64_t kMany = uint64_t{1} << 40;
  const std::map<std::string, std::function<void(const std::string&)>> setters = {
      {"--bytes", [&](auto& text) { options.bytes = ParseBytes(name, text); }},
      {"--workers", [&](auto& text) { options.workers = ParseNumber(name, text, 1, 8); }},
      {"--processes", [&](auto& text) { options.processes = ParseNumber(name, text, 1, 1000); }},
      {"--thp",
       [&](auto& text) {
         options.huge_pages = ParseChoice<HugePages>(
             name, text, {{"never", HugePages::kNever}, {"always", HugePages::kAlways}});
       }},
      {"--sharing",
       [&](auto& text) {
         options.sharing = ParseChoice<Sharing>(
             name, text,
             {{"none", Sharing::kNone}, {"mapping", Sharing::kMapping}, {"fork", Sharing::kFork}});
       }},
      {"--map", [&](auto& text) { options.mapped_file = text; }},
      {"--ops-per-second",
       [&](auto& text) { options.operations_per_second = ParseNumber(name, text, 1, kMany); }},
      {"--pin-every", [&](auto& text) { options.pin_every = ParseNumber(name, text, 1, kMany); }},
      {"--control",
       [&](auto& text) {
         options.control = ParseChoice<Control>(name, text,
                                                {{"torn", Control::kTorn},
                                                 {"stale", Control::kStale},
                                                 {"misplaced", Control::kMisplaced},
                                                 {"zero", Control::kZeroed},
                                                 {"flip", Control::kCorrupt}});
       }},
      {"--seconds",
       [&](auto& text) {
         options.seconds = static_cast<unsigned>(ParseNumber(name, text, 1, 1U << 30));
       }},
      {"--report", [&](auto& text) { options.report = text; }},
  };
  for (int i = 1; i < argc; ++i) {
    name = argv[i];
    if (name == "--help") {
      std::fputs(kHelp, stdout);
      std::exit(kExitClean);
    }
    if (name == "--idle") {
      options.idle = true;
      continue;
    }
    const auto setter = setters.find(name);
    if (setter == setters.end()) Fail("unknown argument '" + name + "'; --help lists them");
    if (++i == argc) Fail(name + ": needs a value; --help says which");
    setter->second(argv[i]);
  }
  Validate(options);
  return options;
}

}  // namespace numalocality::integrity
