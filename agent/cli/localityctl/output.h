// --output: a response as a table, JSON or YAML.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_OUTPUT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_OUTPUT_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality::localityctl {

enum class OutputFormat { kTable, kJson, kYaml };

// "table", "json" or "yaml".
absl::StatusOr<OutputFormat> ParseOutputFormat(absl::string_view text);

// `message` with the field names of the API and all fields, including those that are 0; for kTable
// the result of `text`. Ends with a line feed. Keys of maps are sorted.
std::string Render(const google::protobuf::Message& message, OutputFormat format,
                   absl::FunctionRef<std::string()> text);

// Like Render, for one message of a stream: JSON on one line, YAML as a document that begins with
// "---".
std::string RenderOneOfMany(const google::protobuf::Message& message, OutputFormat format,
                            absl::FunctionRef<std::string()> text);

// The answer of one of several agents.
struct AgentMessage {
  std::string node;
  std::string endpoint;
  absl::Status status;
  const google::protobuf::Message* response = nullptr;  // null if `status` is an error
};

// {"agents": [{"node", "endpoint", "response" or "error"}, ...]}; JSON has one line for each agent.
// Not for kTable.
std::string RenderAgents(const std::vector<AgentMessage>& agents, OutputFormat format);

// JSON as YAML in block style. `json` is one valid value, as protobuf prints it: no white space
// between tokens, and keys that need no quotes. Keeps the order. Strings stay quoted, as YAML reads
// quoted strings like JSON does.
std::string JsonToYaml(absl::string_view json);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_OUTPUT_H_
