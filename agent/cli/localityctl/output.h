// How results are printed: as text for people, or as JSON or YAML for programs.
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

// `message` with the field names of the API and all its fields, those that are 0 too; for kTable
// what `text` returns. Ends with a line feed.
std::string Render(const google::protobuf::Message& message, OutputFormat format,
                   absl::FunctionRef<std::string()> text);

// The same of one of many messages: JSON on one line, YAML as a document that begins with "---".
std::string RenderOneOfMany(const google::protobuf::Message& message, OutputFormat format,
                            absl::FunctionRef<std::string()> text);

// What one of many agents said.
struct AgentMessage {
  std::string node;
  std::string endpoint;
  absl::Status status;
  const google::protobuf::Message* response = nullptr;  // null if `status` is an error
};

// {"agents": [{"node", "endpoint", "response" or "error"}, ...]}, an agent a line in JSON. Not for
// kTable.
std::string RenderAgents(const std::vector<AgentMessage>& agents, OutputFormat format);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_OUTPUT_H_
