// Command lines: CLI11 with this project's error messages and exit codes, and parsers for values
// that both commands take.
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

// Parses the command line into the variables of `app`'s options. Returns an exit code if the
// program must end now, after it printed the help or an error as "ERROR: ...".
std::optional<ExitCode> ParseCommandLine(CLI::App& app, int argc, const char* const* argv);

// Adds an option whose value `parse` converts and stores in `target`. An error of `parse` becomes
// an error of the command line. `name` may have aliases: "--bandwidth,--throttle".
template <typename Value, typename Target>
CLI::Option* AddParsedOption(CLI::App& app, const std::string& name,
                             absl::StatusOr<Value> (*parse)(absl::string_view), Target& target,
                             const std::string& description) {
  const std::string first_name = name.substr(0, name.find(','));
  const auto store = [first_name, parse, &target](const std::string& text) {
    auto value = parse(text);
    if (!value.ok()) throw CLI::ValidationError(first_name, std::string(value.status().message()));
    target = *std::move(value);
  };
  return app.add_option_function<std::string>(name, store, description);
}

// Parsers for AddParsedOption. Their error is INVALID_ARGUMENT with a message that says what to
// write.

// A whole number above 0.
absl::StatusOr<pid_t> ParsePid(absl::string_view text);

// One node, "1"; some nodes, "0,2-3".
absl::StatusOr<NodeId> ParseNode(absl::string_view text);
absl::StatusOr<NodeSet> ParseNodes(absl::string_view text);

// "START-END" in hexadecimal as in /proc/PID/maps, with or without 0x. START must be below END.
absl::StatusOr<AddressRange> ParseAddressRange(absl::string_view text);

// A number from 0 to 1.
absl::StatusOr<double> ParseFraction(absl::string_view text);

// "90s", "1m30s": above 0 and finite.
absl::StatusOr<absl::Duration> ParseTimeSpan(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_ARGUMENTS_H_
