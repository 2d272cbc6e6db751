// How results are printed: as text for people, or as JSON or YAML for programs.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_OUTPUT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_OUTPUT_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality {

enum class OutputFormat { kTable, kJson, kYaml };

// "table", "json" or "yaml".
absl::StatusOr<OutputFormat> ParseOutputFormat(absl::string_view text);

// `message` with the field names of the API and all its fields, those that are 0 too; for kTable
// what `text` returns. Ends with a line feed.
std::string Render(const google::protobuf::Message& message, OutputFormat format,
                   absl::FunctionRef<std::string()> text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_OUTPUT_H_
