#include "agent/cli/numa_migrate/output_fields.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "agent/base/log.h"

namespace numalocality::numa_migrate {
namespace {

std::string JsonString(absl::string_view text) { return absl::StrCat("\"", LogSafe(text), "\""); }

std::string JsonList(const std::vector<std::string>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

std::string CsvCell(absl::string_view text) {
  if (text.find_first_of(",\"\r\n") == absl::string_view::npos) return std::string(text);
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

void Fields::Add(absl::string_view name, int64_t value) {
  json_.push_back({std::string(name), absl::StrCat(value)});
  csv_.push_back(json_.back());
}

void Fields::Add(absl::string_view name, double value) {
  json_.push_back({std::string(name), absl::StrFormat("%.9g", value)});
  csv_.push_back(json_.back());
}

void Fields::Add(absl::string_view name, bool value) {
  json_.push_back({std::string(name), value ? "true" : "false"});
  csv_.push_back(json_.back());
}

void Fields::Add(absl::string_view name, absl::string_view text) {
  json_.push_back({std::string(name), JsonString(text)});
  csv_.push_back({std::string(name), CsvCell(text)});
}

void Fields::Add(absl::string_view name, const Fields& nested) {
  json_.push_back({std::string(name), nested.ToJson()});
  for (const Value& value : nested.csv_) {
    csv_.push_back({absl::StrCat(name, "_", value.name), value.text});
  }
}

void Fields::Add(absl::string_view name, const std::vector<Fields>& rows) {
  std::vector<std::string> values;
  values.reserve(rows.size());
  for (const Fields& row : rows) values.push_back(row.ToJson());
  json_.push_back({std::string(name), JsonList(values)});
}

void Fields::Add(absl::string_view name, const std::vector<std::string>& texts) {
  std::vector<std::string> values;
  values.reserve(texts.size());
  for (const std::string& text : texts) values.push_back(JsonString(text));
  json_.push_back({std::string(name), JsonList(values)});
}

std::string Fields::ToJson() const {
  const auto format = [](std::string* out, const Value& value) {
    absl::StrAppend(out, "\"", value.name, "\": ", value.text);
  };
  return absl::StrCat("{", absl::StrJoin(json_, ", ", format), "}");
}

std::string Fields::ToCsv(const std::vector<Fields>& rows) {
  const auto name = [](std::string* out, const Value& value) { out->append(value.name); };
  const auto text = [](std::string* out, const Value& value) { out->append(value.text); };
  std::string lines;
  if (!rows.empty()) lines = absl::StrCat(absl::StrJoin(rows[0].csv_, ",", name), "\n");
  for (const Fields& row : rows) {
    absl::StrAppend(&lines, absl::StrJoin(row.csv_, ",", text), "\n");
  }
  return lines;
}

}  // namespace numalocality::numa_migrate
