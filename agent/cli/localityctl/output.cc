#include "agent/cli/localityctl/output.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/log.h"

namespace numalocality::localityctl {
namespace {

// Consumes the JSON from its front and appends YAML.
class YamlPrinter {
 public:
  explicit YamlPrinter(absl::string_view json) : rest_(json) {}

  std::string Print() && {
    // Value puts a space or a line feed before each value, which the outermost one does not need.
    Value(0);
    return std::string(absl::StripPrefix(absl::StripPrefix(yaml_, "\n"), " ")) + "\n";
  }

 private:
  void Value(int indent) {
    if (absl::ConsumePrefix(&rest_, "{}")) {
      yaml_ += " {}";
    } else if (absl::ConsumePrefix(&rest_, "[]")) {
      yaml_ += " []";
    } else if (absl::ConsumePrefix(&rest_, "{")) {
      Object(indent);
    } else if (absl::ConsumePrefix(&rest_, "[")) {
      Array(indent);
    } else {
      absl::StrAppend(&yaml_, " ", Scalar());
    }
  }

  void Object(int indent) {
    do {
      const absl::string_view key = Scalar();
      absl::ConsumePrefix(&rest_, ":");
      absl::StrAppend(&yaml_, NewLine(indent), Key(key), ":");
      Value(indent + 2);
    } while (absl::ConsumePrefix(&rest_, ","));
    absl::ConsumePrefix(&rest_, "}");
  }

  void Array(int indent) {
    do {
      absl::StrAppend(&yaml_, NewLine(indent), "-");
      // The first key of an object is on the line of its dash.
      after_dash_ = absl::StartsWith(rest_, "{") && !absl::StartsWith(rest_, "{}");
      Value(indent + 2);
    } while (absl::ConsumePrefix(&rest_, ","));
    absl::ConsumePrefix(&rest_, "]");
  }

  // Without quotes if YAML reads it as the same text without them. The keys of maps, such as
  // labels, may be any text: "1.5", "yes".
  static absl::string_view Key(absl::string_view quoted) {
    static constexpr absl::string_view kOtherValues[] = {"y",   "n",    "yes",   "no",  "on",
                                                         "off", "true", "false", "null"};
    const absl::string_view name = quoted.substr(1, quoted.size() - 2);
    const bool is_word = !name.empty() &&
                         absl::ascii_isalpha(static_cast<unsigned char>(name[0])) &&
                         std::all_of(name.begin(), name.end(), [](char c) {
                           return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c));
                         });
    const bool is_other =
        std::any_of(std::begin(kOtherValues), std::end(kOtherValues),
                    [&](absl::string_view value) { return absl::EqualsIgnoreCase(name, value); });
    return is_word && !is_other ? name : quoted;
  }

  std::string NewLine(int indent) {
    if (after_dash_) {
      after_dash_ = false;
      return " ";
    }
    return absl::StrCat("\n", std::string(static_cast<size_t>(indent), ' '));
  }

  // Consumes a string with its quotes, a number, true, false or null.
  absl::string_view Scalar() {
    size_t end = 0;
    if (rest_[0] == '"') {
      for (end = 1; rest_[end] != '"'; ++end) end += rest_[end] == '\\';
      ++end;
    } else {
      end = std::min(rest_.find_first_of(",]}"), rest_.size());
    }
    const absl::string_view scalar = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return scalar;
  }

  absl::string_view rest_;
  std::string yaml_;
  bool after_dash_ = false;
};

// With the keys of maps in order, unlike util::MessageToJsonString.
std::string ToJson(const google::protobuf::Message& message, bool on_one_line) {
  namespace pb = google::protobuf;
  static constexpr char kUrlPrefix[] = "type.googleapis.com";
  static pb::util::TypeResolver* const resolver =
      pb::util::NewTypeResolverForDescriptorPool(kUrlPrefix, pb::DescriptorPool::generated_pool());
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&output);
  }
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  options.add_whitespace = !on_one_line;
  std::string json;
  // Fails only for messages with Any or invalid UTF-8; the API has neither.
  const auto status = pb::util::BinaryToJsonString(
      resolver, absl::StrCat(kUrlPrefix, "/", message.GetDescriptor()->full_name()), bytes, &json,
      options);
  return status.ok() ? json : status.ToString();
}

std::string Quoted(absl::string_view text) {
  google::protobuf::StringValue value;
  value.set_value(Printable(text));
  return ToJson(value, true);
}

}  // namespace

std::string JsonToYaml(absl::string_view json) { return YamlPrinter(json).Print(); }

absl::StatusOr<OutputFormat> ParseOutputFormat(absl::string_view text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "yaml") return OutputFormat::kYaml;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not an output format; write table, json or yaml"));
}

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
