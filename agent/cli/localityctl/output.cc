#include "agent/cli/localityctl/output.h"

#include <google/protobuf/util/json_util.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/cli/localityctl/json_to_yaml.h"

namespace numalocality {

absl::StatusOr<OutputFormat> ParseOutputFormat(absl::string_view text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "yaml") return OutputFormat::kYaml;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not an output format; write table, json or yaml"));
}

std::string Render(const google::protobuf::Message& message, OutputFormat format,
                   absl::FunctionRef<std::string()> text) {
  if (format == OutputFormat::kTable) return text();
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  options.add_whitespace = format == OutputFormat::kJson;
  std::string json;
  // Fails only for messages with Any or broken UTF-8; the API has neither.
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return status.ToString() + "\n";
  return format == OutputFormat::kYaml ? JsonToYaml(json) : json;
}

}  // namespace numalocality
