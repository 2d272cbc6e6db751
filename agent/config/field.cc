#include "agent/config/field.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "agent/base/units.h"
#include "agent/model/migration.h"

namespace numalocality {
namespace {

// An unknown key that differs from a known one by at most this is taken for a typing error.
constexpr size_t kTypoDistance = 3;

bool IsScalar(const YamlNode& node) { return node.kind == YamlNode::Kind::kScalar; }

std::optional<bool> BooleanOf(absl::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

// Whether YAML 1.2 reads the plain scalar `text` as a number or boolean.
bool IsNumberOrBoolean(absl::string_view text) {
  double number = 0;
  return BooleanOf(text).has_value() || absl::SimpleAtod(text, &number);
}

// The number of insertions, deletions and changes that turn `a` into `b`.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row[b.size()];
}

std::string UnknownKey(absl::string_view key, const std::vector<Field>& fields) {
  std::vector<absl::string_view> allowed;
  for (const Field& field : fields) {
    // The length is limited because a key may be as long as the file.
    if (key.size() <= 2 * field.key.size() &&
        EditDistance(absl::AsciiStrToLower(key), absl::AsciiStrToLower(field.key)) <=
            std::min(kTypoDistance, field.key.size() / 3)) {
      return absl::StrCat("unknown key '", key, "' (did you mean '", field.key, "'?)");
    }
    allowed.push_back(field.key);
  }
  return absl::StrCat("unknown key '", key.substr(0, 80),
                      "'; allowed here: ", absl::StrJoin(allowed, ", "));
}

absl::Status ReadBytes(absl::string_view key, const YamlNode& node, int64_t& out) {
  const auto bytes = ParseBytes(IsScalar(node) ? absl::string_view(node.text) : "");
  if (!bytes.ok()) return FieldError(key, node, bytes.status().message());
  out = *bytes;
  return absl::OkStatus();
}

// A number, or a percentage of one; nullopt if it is neither.
std::optional<double> FractionOf(absl::string_view text) {
  const bool is_percentage = absl::ConsumeSuffix(&text, "%");
  double number = 0;
  const auto is_plain = [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || absl::StrContains(".-e", c);
  };
  // SimpleAtod also accepts "nan" and blanks.
  if (!std::all_of(text.begin(), text.end(), is_plain) || !absl::SimpleAtod(text, &number)) {
    return std::nullopt;
  }
  return is_percentage ? number / 100 : number;
}

// The shortest text that is read as exactly this number.
std::string JsonNumber(double number) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), number).ptr;
  return {text, end};
}

}  // namespace

absl::Status FieldError(absl::string_view key, const YamlNode& node, absl::string_view message) {
  return ErrorAt(node.position, absl::StrCat(key, ": ", message));
}

std::string JsonText(absl::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&json, "\\u%04x", byte);
      continue;
    }
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + "\"";
}

FieldFormat Map(std::vector<Field> fields,
                std::function<absl::Status(absl::string_view, const YamlNode&)> check) {
  const auto read = [fields, check = std::move(check)](absl::string_view key,
                                                       const YamlNode& node) -> absl::Status {
    if (node.kind != YamlNode::Kind::kMap) return FieldError(key, node, "must be a map of keys");
    for (const YamlEntry& entry : node.map) {
      const auto field = std::find_if(fields.begin(), fields.end(),
                                      [&](const Field& f) { return f.key == entry.key; });
      if (field == fields.end()) return ErrorAt(entry.position, UnknownKey(entry.key, fields));
      NL_RETURN_IF_ERROR(field->format.read(field->key, entry.value));
    }
    return check == nullptr ? absl::OkStatus() : check(key, node);
  };
  const auto write = [fields] {
    std::string json;
    for (const Field& field : fields) {
      const std::string value = field.format.write();
      if (value.empty()) continue;
      absl::StrAppend(&json, json.empty() ? "" : ",", JsonText(field.key), ":", value);
    }
    return absl::StrCat("{", json, "}");
  };
  return {read, write};
}

FieldFormat Text(std::string& out) {
  return Text(out, [](absl::string_view) { return absl::OkStatus(); });
}

FieldFormat Text(std::string& out, std::function<absl::Status(absl::string_view)> check) {
  const auto read = [&out, check = std::move(check)](absl::string_view key, const YamlNode& node) {
    if (!IsScalar(node)) return FieldError(key, node, "must be text");
    if (!node.is_quoted && IsNumberOrBoolean(node.text)) {
      return FieldError(
          key, node,
          absl::StrCat("must be text; if it is intended, put it in quotes: \"", node.text, "\""));
    }
    const absl::Status checked = check(node.text);
    if (!checked.ok()) return FieldError(key, node, checked.message());
    out = node.text;
    return absl::OkStatus();
  };
  return {read, [&out] { return JsonText(out); }};
}

FieldFormat Boolean(bool& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) {
    const auto value =
        IsScalar(node) && !node.is_quoted ? BooleanOf(node.text) : std::optional<bool>();
    if (!value.has_value()) return FieldError(key, node, "must be true or false, without quotes");
    out = *value;
    return absl::OkStatus();
  };
  return {read, [&out] { return std::string(out ? "true" : "false"); }};
}

FieldFormat WholeNumber(int& out, int least, int most) {
  const auto read = [&out, least, most](absl::string_view key, const YamlNode& node) {
    int number = 0;
    if (!IsScalar(node) || node.is_quoted || !absl::SimpleAtoi(node.text, &number) ||
        number < least || number > most) {
      return FieldError(key, node,
                        absl::StrCat("must be a whole number from ", least, " to ", most));
    }
    out = number;
    return absl::OkStatus();
  };
  return {read, [&out] { return absl::StrCat(out); }};
}

FieldFormat Fraction(double& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) {
    const auto fraction = FractionOf(IsScalar(node) ? absl::string_view(node.text) : "");
    if (!fraction.has_value() || *fraction < 0 || *fraction > 1) {
      return FieldError(key, node, "must be from 0 to 1, such as 0.9, or 0% to 100%");
    }
    out = *fraction;
    return absl::OkStatus();
  };
  return {read, [&out] { return JsonNumber(out); }};
}

FieldFormat Share(MemoryShare& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) {
    const absl::string_view text = IsScalar(node) ? absl::string_view(node.text) : "";
    const bool has_unit =
        !text.empty() && absl::ascii_isalpha(static_cast<unsigned char>(text.back()));
    if (const auto bytes = ParseBytes(text); has_unit && bytes.ok()) {
      out = {0, *bytes};
      return absl::OkStatus();
    }
    const auto fraction = FractionOf(text);
    if (!fraction.has_value() || *fraction < 0 || *fraction > 1) {
      return FieldError(key, node,
                        "must be from 0 to 1, such as 0.02, or 0% to 100%, or bytes with a unit, "
                        "such as 4Gi");
    }
    out = {*fraction, 0};
    return absl::OkStatus();
  };
  // All units are multiples of 1024, so ExactBytes has one, too.
  return {read, [&out] {
            return out.bytes > 0 ? JsonText(ExactBytes(out.bytes)) : JsonNumber(out.fraction);
          }};
}

FieldFormat Bytes(int64_t& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) {
    return ReadBytes(key, node, out);
  };
  return {read, [&out] { return JsonText(ExactBytes(out)); }};
}

FieldFormat Bandwidth(int64_t& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) {
    int64_t rate = 0;
    NL_RETURN_IF_ERROR(ReadBytes(key, node, rate));
    if (rate != 0 && rate < MoveLimits::kLeastBytesPerSecond) {
      return FieldError(key, node, "must be at least 1Mi (per second), or 0 for no limit");
    }
    out = rate;
    return absl::OkStatus();
  };
  return {read, [&out] { return JsonText(ExactBytes(out)); }};
}

FieldFormat TimeSpan(absl::Duration& out, absl::Duration least) {
  const auto read = [&out, least](absl::string_view key, const YamlNode& node) {
    absl::Duration span;
    const bool is_span = IsScalar(node) && absl::ParseDuration(node.text, &span);
    if (!is_span || span < least || span == absl::InfiniteDuration()) {
      return FieldError(key, node,
                        absl::StrCat("must be a time of at least ", absl::FormatDuration(least),
                                     ", with a unit (ms, s, m, h), such as 30s or 1m30s"));
    }
    out = span;
    return absl::OkStatus();
  };
  return {read, [&out] { return JsonText(absl::FormatDuration(out)); }};
}

FieldFormat TextMap(std::map<std::string, std::string>& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) -> absl::Status {
    if (node.kind != YamlNode::Kind::kMap || node.map.empty()) {
      return FieldError(key, node, "must be a map from text to text, such as {tier: db}");
    }
    out.clear();
    for (const YamlEntry& entry : node.map) {
      NL_RETURN_IF_ERROR(Text(out[entry.key]).read(absl::StrCat(key, ".", entry.key), entry.value));
    }
    return absl::OkStatus();
  };
  const auto write = [&out] {
    const auto append = [](std::string* text, const auto& pair) {
      absl::StrAppend(text, JsonText(pair.first), ":", JsonText(pair.second));
    };
    return out.empty() ? "" : absl::StrCat("{", absl::StrJoin(out, ",", append), "}");
  };
  return {read, write};
}

}  // namespace numalocality
