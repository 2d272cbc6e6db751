// Command lines: CLI11 with this project's error messages and exit codes, and the kinds of values
// that both commands read.
#ifndef NUMALOCALITY_AGENT_CLI_ARGUMENTS_H_
#define NUMALOCALITY_AGENT_CLI_ARGUMENTS_H_

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/cli/exit_code.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"

namespace numalocality {

// Parses the command line into what `app`'s options point at. Returns the exit code if the program
// is to end now: --help was asked for and is printed, or an error was found and is printed as
// "ERROR: ...".
std::optional<ExitCode> ParseCommandLine(CLI::App& app, int argc, const char* const* argv);

// Adds an option whose text `parse` turns into `target`; its error becomes the command line's.
template <typename Value, typename Target>
CLI::Option* AddParsedOption(CLI::App& app, const std::string& name,
                             absl::StatusOr<Value> (*parse)(absl::string_view), Target& target,
                             const std::string& description) {
  const auto store = [name, parse, &target](const std::string& text) {
    auto value = parse(text);
    if (!value.ok()) throw CLI::ValidationError(name, std::string(value.status().message()));
    target = *std::move(value);
  };
  return app.add_option_function<std::string>(name, store, description);
}

// Parsers for it. All return INVALID_ARGUMENT with a sentence that says what is right.

// A whole number above 0.
absl::StatusOr<pid_t> ParsePid(absl::string_view text);

// One node, "1"; some nodes, "0,2-3".
absl::StatusOr<NodeId> ParseNode(absl::string_view text);
absl::StatusOr<NodeSet> ParseNodes(absl::string_view text);

// "START-END" in hexadecimal, as in /proc/PID/maps, with or without 0x; START below END.
absl::StatusOr<AddressRange> ParseAddressRange(absl::string_view text);

// A number from 0 to 1.
absl::StatusOr<double> ParseFraction(absl::string_view text);

// "90s", "1m30s": more than nothing, and finite.
absl::StatusOr<absl::Duration> ParseTimeSpan(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_ARGUMENTS_H_
