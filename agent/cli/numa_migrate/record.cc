#include "agent/cli/numa_migrate/record.h"

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

void Record::Add(absl::string_view name, int64_t value) {
  json_.push_back({std::string(name), absl::StrCat(value)});
  csv_.push_back(json_.back());
}

void Record::Add(absl::string_view name, double value) {
  json_.push_back({std::string(name), absl::StrFormat("%.9g", value)});
  csv_.push_back(json_.back());
}

void Record::Add(absl::string_view name, bool value) {
  json_.push_back({std::string(name), value ? "true" : "false"});
  csv_.push_back(json_.back());
}

void Record::Add(absl::string_view name, absl::string_view text) {
  json_.push_back({std::string(name), JsonString(text)});
  csv_.push_back({std::string(name), CsvCell(text)});
}

void Record::Add(absl::string_view name, const Record& nested) {
  json_.push_back({std::string(name), nested.ToJson()});
  for (const Value& value : nested.csv_) {
    csv_.push_back({absl::StrCat(name, "_", value.name), value.text});
  }
}

void Record::Add(absl::string_view name, const std::vector<Record>& records) {
  std::vector<std::string> values;
  values.reserve(records.size());
  for (const Record& record : records) values.push_back(record.ToJson());
  json_.push_back({std::string(name), JsonList(values)});
}

void Record::Add(absl::string_view name, const std::vector<std::string>& texts) {
  std::vector<std::string> values;
  values.reserve(texts.size());
  for (const std::string& text : texts) values.push_back(JsonString(text));
  json_.push_back({std::string(name), JsonList(values)});
}

std::string Record::ToJson() const {
  const auto format = [](std::string* out, const Value& value) {
    absl::StrAppend(out, "\"", value.name, "\": ", value.text);
  };
  return absl::StrCat("{", absl::StrJoin(json_, ", ", format), "}");
}

std::string Record::ToCsv(const std::vector<Record>& records) {
  const auto name = [](std::string* out, const Value& value) { out->append(value.name); };
  const auto text = [](std::string* out, const Value& value) { out->append(value.text); };
  std::string lines;
  if (!records.empty()) lines = absl::StrCat(absl::StrJoin(records[0].csv_, ",", name), "\n");
  for (const Record& record : records) {
    absl::StrAppend(&lines, absl::StrJoin(record.csv_, ",", text), "\n");
  }
  return lines;
}

}  // namespace numalocality::numa_migrate
