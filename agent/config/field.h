// Formats of configuration values: each function returns how one kind of value is read from YAML
// and written as JSON; Map combines them for a map with known keys. All errors are INVALID_ARGUMENT
// with the line and column of the wrong value, and say what is allowed.
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

// The format of the variable that it was made for.
struct FieldFormat {
  // Reads `node`, the value of `key`, into the variable.
  std::function<absl::Status(absl::string_view key, const YamlNode& node)> read;
  // The variable's value as JSON that `read` accepts; "" if the key must be left out instead.
  std::function<std::string()> write;
};

struct Field {
  absl::string_view key;
  FieldFormat format;
};

// "line L, column C: KEY: <message>".
absl::Status FieldError(absl::string_view key, const YamlNode& node, absl::string_view message);

// JSON's quoted text.
std::string JsonText(absl::string_view text);

// A map whose keys must be among those of `fields`; variables of absent keys do not change.
// `check`, if any, checks the map after it was read.
FieldFormat Map(
    std::vector<Field> fields,
    std::function<absl::Status(absl::string_view key, const YamlNode& node)> check = {});

// The variable `out` of each function must outlive the format.

// Quoted text, or plain text that is not a number, boolean or null in YAML.
FieldFormat Text(std::string& out);
// Text that `check` accepts; its error says what is allowed.
FieldFormat Text(std::string& out, std::function<absl::Status(absl::string_view)> check);
FieldFormat Boolean(bool& out);
FieldFormat WholeNumber(int& out, int least, int most);
// 0 to 1, as "0.02" or "2%".
FieldFormat Fraction(double& out);
FieldFormat Bytes(int64_t& out);
// A fraction, or bytes with a unit: "2%", "0.02", "4Gi".
FieldFormat Share(MemoryShare& out);
// Bytes per second: 0 for no limit, or at least 1 MiB.
FieldFormat Bandwidth(int64_t& out);
// At least `least`, and finite.
FieldFormat TimeSpan(absl::Duration& out, absl::Duration least);
// A map from text to text.
FieldFormat TextMap(std::map<std::string, std::string>& out);

// A value of an enum, by its words.
template <typename E>
FieldFormat OneOf(E& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) {
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
  return {read, [&out] { return JsonText(WordsOf(out)); }};
}

// A list; `element` returns the format of one element.
template <typename Value>
FieldFormat List(std::vector<Value>& out, std::function<FieldFormat(Value&)> element) {
  const auto read = [&out, element](absl::string_view key, const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kList) return FieldError(key, node, "must be a list");
    out.clear();
    for (const YamlNode& item : node.list) {
      NL_RETURN_IF_ERROR(element(out.emplace_back()).read(key, item));
    }
    return absl::OkStatus();
  };
  const auto write = [&out, element] {
    std::string json;
    for (Value& value : out) {
      absl::StrAppend(&json, json.empty() ? "" : ",", element(value).write());
    }
    return absl::StrCat("[", json, "]");
  };
  return {read, write};
}

// A list of at least one element.
template <typename Value>
FieldFormat FilledList(std::vector<Value>& out, std::function<FieldFormat(Value&)> element) {
  const FieldFormat list = List(out, std::move(element));
  const auto read = [list](absl::string_view key, const YamlNode& node) {
    if (node.kind == YamlNode::Kind::kList && node.list.empty()) {
      return FieldError(key, node, "is an empty list; leave the key out to select all");
    }
    return list.read(key, node);
  };
  return {read, [&out, list] { return out.empty() ? "" : list.write(); }};
}

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_FIELD_H_
