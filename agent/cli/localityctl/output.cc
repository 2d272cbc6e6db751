#include "agent/cli/localityctl/output.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/wrappers.pb.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/cli/localityctl/json_to_yaml.h"

namespace numalocality::localityctl {

absl::StatusOr<OutputFormat> ParseOutputFormat(absl::string_view text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "yaml") return OutputFormat::kYaml;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not an output format; write table, json or yaml"));
}

namespace {

std::string ToJson(const google::protobuf::Message& message, bool on_one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  options.add_whitespace = !on_one_line;
  std::string json;
  // Fails only for messages with Any or broken UTF-8; the API has neither.
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : status.ToString();
}

std::string Quoted(absl::string_view text) {
  google::protobuf::StringValue value;
  value.set_value(Printable(text));
  return ToJson(value, true);
}

}  // namespace

std::string Render(const google::protobuf::Message& message, OutputFormat format,
                   absl::FunctionRef<std::string()> text) {
  switch (format) {
    case OutputFormat::kTable: return text();
    case OutputFormat::kJson: return ToJson(message, false);
    case OutputFormat::kYaml: return JsonToYaml(ToJson(message, true));
  }
  return "";
}

std::string RenderAgents(const std::vector<AgentMessage>& agents, OutputFormat format) {
  const bool is_json = format == OutputFormat::kJson;
  std::string json = "{\"agents\":[";
  for (const AgentMessage& agent : agents) {
    absl::StrAppend(&json, &agent == &agents.front() ? "" : ",", is_json ? "\n" : "",
                    "{\"node\":", Quoted(agent.node), ",\"endpoint\":", Quoted(agent.endpoint));
    if (agent.response != nullptr) {
      absl::StrAppend(&json, ",\"response\":", ToJson(*agent.response, true), "}");
    } else {
      absl::StrAppend(&json, ",\"error\":", Quoted(agent.status.message()), "}");
    }
  }
  json += "]}";
  return is_json ? json + "\n" : JsonToYaml(json);
}

std::string RenderOneOfMany(const google::protobuf::Message& message, OutputFormat format,
                            absl::FunctionRef<std::string()> text) {
  if (format == OutputFormat::kJson) return ToJson(message, true) + "\n";
  return absl::StrCat(format == OutputFormat::kYaml ? "---\n" : "", Render(message, format, text));
}

}  // namespace numalocality::localityctl
