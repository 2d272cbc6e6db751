// How the values of the configuration are read: each function returns a reader for one kind of
// value, and Fields() puts readers together to one for a map with known keys. All errors are
// INVALID_ARGUMENT with the line and column of what is wrong, and say what is allowed.
#ifndef NUMALOCALITY_AGENT_CONFIG_FIELD_H_
#define NUMALOCALITY_AGENT_CONFIG_FIELD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/config/yaml_tree.h"

namespace numalocality {

// Reads `node`, the value of `key`, into what the reader was made for.
using FieldReader = std::function<absl::Status(absl::string_view key, const YamlNode& node)>;

struct Field {
  absl::string_view key;
  FieldReader read;
};

// "line L, column C: KEY: <message>".
absl::Status FieldError(absl::string_view key, const YamlNode& node, absl::string_view message);

// Reads a map whose keys may be those of `fields`; what is not there is left alone.
absl::Status ReadFields(absl::string_view key, const YamlNode& node,
                        const std::vector<Field>& fields);

// What the readers fill in outlives them.

// Text in quotes, or plain text that YAML takes for neither number, boolean nor null.
FieldReader Text(std::string& out);
// Text that `check` accepts; its error says what is right.
FieldReader Text(std::string& out, std::function<absl::Status(absl::string_view)> check);
FieldReader Boolean(bool& out);
FieldReader WholeNumber(int& out, int least, int most);
// 0 to 1, as "0.02" or "2%".
FieldReader Fraction(double& out);
FieldReader Bytes(int64_t& out);
// Bytes a second: 0, which is no limit, or at least 1 MiB.
FieldReader Bandwidth(int64_t& out);
// At least `least`, and finite.
FieldReader TimeSpan(absl::Duration& out, absl::Duration least);
// A map from text to text.
FieldReader TextMap(std::map<std::string, std::string>& out);

// One word out of some. `choices`: never empty.
template <typename Value>
FieldReader Choice(Value& out, std::vector<std::pair<absl::string_view, Value>> choices) {
  return [&out, choices](absl::string_view key, const YamlNode& node) {
    std::string allowed;
    for (const auto& [word, value] : choices) {
      if (node.kind == YamlNode::Kind::kScalar && node.text == word) {
        out = value;
        return absl::OkStatus();
      }
      allowed.append(allowed.empty() ? "" : ", ").append(std::string(word));
    }
    return FieldError(key, node, "must be one of: " + allowed);
  };
}

// A list; `element` makes the reader of one element.
template <typename Value>
FieldReader List(std::vector<Value>& out, std::function<FieldReader(Value&)> element) {
  return [&out, element](absl::string_view key, const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kList) return FieldError(key, node, "must be a list");
    out.clear();
    for (const YamlNode& item : node.list) {
      NL_RETURN_IF_ERROR(element(out.emplace_back())(key, item));
    }
    return absl::OkStatus();
  };
}

// The same, of at least one element.
template <typename Value>
FieldReader FilledList(std::vector<Value>& out, std::function<FieldReader(Value&)> element) {
  return [read = List(out, std::move(element))](absl::string_view key, const YamlNode& node) {
    if (node.kind == YamlNode::Kind::kList && node.list.empty()) {
      return FieldError(key, node, "is an empty list; leave the key out to select by nothing");
    }
    return read(key, node);
  };
}

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_FIELD_H_
