// Readers of configuration values: each function returns a reader for one kind of value, and
// ReadFields combines readers for a map with known keys. All errors are INVALID_ARGUMENT with the
// line and column of the wrong value, and say what is allowed.
#ifndef NUMALOCALITY_AGENT_CONFIG_FIELD_H_
#define NUMALOCALITY_AGENT_CONFIG_FIELD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/config/yaml_tree.h"
#include "agent/model/enum_table.h"
#include "agent/model/room.h"

namespace numalocality {

// Reads `node`, the value of `key`, into the variable that the reader was made for.
using FieldReader = std::function<absl::Status(absl::string_view key, const YamlNode& node)>;

struct Field {
  absl::string_view key;
  FieldReader read;
};

// "line L, column C: KEY: <message>".
absl::Status FieldError(absl::string_view key, const YamlNode& node, absl::string_view message);

// Reads a map whose keys must be among those of `fields`; variables of absent keys do not change.
absl::Status ReadFields(absl::string_view key, const YamlNode& node,
                        const std::vector<Field>& fields);

// The variable `out` of each function must outlive the reader.

// Quoted text, or plain text that is not a number, boolean or null in YAML.
FieldReader Text(std::string& out);
// Text that `check` accepts; its error says what is allowed.
FieldReader Text(std::string& out, std::function<absl::Status(absl::string_view)> check);
FieldReader Boolean(bool& out);
FieldReader WholeNumber(int& out, int least, int most);
// 0 to 1, as "0.02" or "2%".
FieldReader Fraction(double& out);
FieldReader Bytes(int64_t& out);
// A fraction, or bytes with a unit: "2%", "0.02", "4Gi".
FieldReader Share(MemoryShare& out);
// Bytes per second: 0 for no limit, or at least 1 MiB.
FieldReader Bandwidth(int64_t& out);
// At least `least`, and finite.
FieldReader TimeSpan(absl::Duration& out, absl::Duration least);
// A map from text to text.
FieldReader TextMap(std::map<std::string, std::string>& out);

// A value of an enum, by its words.
template <typename E>
FieldReader OneOf(E& out) {
  return [&out](absl::string_view key, const YamlNode& node) {
    const bool is_scalar = node.kind == YamlNode::Kind::kScalar;
    const std::optional<E> value = is_scalar ? FromWords<E>(node.text) : std::nullopt;
    if (!value.has_value()) {
      const std::string allowed =
          absl::StrJoin(AllValues<E>(), ", ",
                        [](std::string* text, E each) { absl::StrAppend(text, WordsOf(each)); });
      return FieldError(key, node, absl::StrCat("must be one of: ", allowed));
    }
    out = *value;
    return absl::OkStatus();
  };
}

// A list; `element` returns the reader of one element.
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

// A list of at least one element.
template <typename Value>
FieldReader FilledList(std::vector<Value>& out, std::function<FieldReader(Value&)> element) {
  return [read = List(out, std::move(element))](absl::string_view key, const YamlNode& node) {
    if (node.kind == YamlNode::Kind::kList && node.list.empty()) {
      return FieldError(key, node, "is an empty list; leave the key out to select all");
    }
    return read(key, node);
  };
}

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_FIELD_H_
