#include "agent/cli/arguments.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace numalocality {
namespace {

bool ParseHex(absl::string_view text, uint64_t& value) {
  // SimpleHexAtoi alone would also accept blanks and signs.
  return !text.empty() && absl::ascii_isxdigit(static_cast<unsigned char>(text[0])) &&
         absl::SimpleHexAtoi(text, &value);
}

std::string FailureMessage(const CLI::App* app, const CLI::Error& error) {
  std::string command = app->get_name();
  for (const CLI::App* subcommand : app->get_subcommands()) {
    absl::StrAppend(&command, " ", subcommand->get_name());
  }
  return absl::StrCat("ERROR: ", error.what(), "; see ", command, " --help\n");
}

}  // namespace

std::optional<ExitCode> ParseCommandLine(CLI::App& app, int argc, const char* const* argv) {
  app.failure_message(FailureMessage);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitSuccess : kExitError;
  }
}

absl::StatusOr<pid_t> ParsePid(absl::string_view text) {
  pid_t pid = 0;
  if (absl::SimpleAtoi(text, &pid) && pid > 0) return pid;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a PID; write a whole number above 0"));
}

absl::StatusOr<NodeId> ParseNode(absl::string_view text) {
  const auto nodes = NodeSet::Parse(text);
  if (nodes.ok() && nodes->size() == 1) return *nodes->begin();
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a node; write the number of a NUMA node, such as 1"));
}

absl::StatusOr<NodeSet> ParseNodes(absl::string_view text) {
  auto nodes = NodeSet::Parse(text);
  if (nodes.ok() && !nodes->empty()) return nodes;
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not a list of nodes; write numbers of NUMA nodes, such as 0,2-3"));
}

absl::StatusOr<AddressRange> ParseAddressRange(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> bounds =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  AddressRange range;
  if (!ParseHex(bounds.first, range.start) || !ParseHex(bounds.second, range.end)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not an address range; write START-END in hexadecimal, as in ",
                     "/proc/PID/maps"));
  }
  if (range.end <= range.start) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not an address range; START must be below END"));
  }
  return range;
}

absl::StatusOr<double> ParseFraction(absl::string_view text) {
  double fraction = 0;
  if (absl::SimpleAtod(text, &fraction) && fraction >= 0 && fraction <= 1) return fraction;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a fraction; write a number from 0 to 1, such as 0.9"));
}

absl::StatusOr<absl::Duration> ParseTimeSpan(absl::string_view text) {
  absl::Duration span;
  if (!absl::ParseDuration(text, &span) || span <= absl::ZeroDuration() ||
      span == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text, "' is not a time span; write a number and a unit, such as 30s or ", "1m30s"));
  }
  return span;
}

}  // namespace numalocality
