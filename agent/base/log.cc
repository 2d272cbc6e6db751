#include "agent/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/base/log_fields.h"

namespace numalocality {
namespace {

bool json_lines = false;  // written once by InitLog, before any thread exists

// `text` in printable ASCII; with `quoted` also without quotes and backslashes, as a JSON string.
std::string Escape(absl::string_view text, bool quoted) {
  // JSON has no \x escapes, so unprintable bytes become \u00XX.
  std::string safe;
  for (const unsigned char c : text) {
    if (quoted && (c == '"' || c == '\\')) {
      safe += '\\';
      safe += static_cast<char>(c);
    } else if (c < 0x20 || c > 0x7e) {
      static constexpr char kHex[] = "0123456789abcdef";
      safe += "\\u00";
      safe += kHex[c >> 4];
      safe += kHex[c & 0xf];
    } else {
      safe += static_cast<char>(c);
    }
  }
  return safe;
}

// What follows the time and the level. One event is one line, whatever name a caller has forgotten
// to escape.
std::string Line(absl::string_view message, const LogFields& fields) {
  std::string line = json_lines ? absl::StrCat("\"message\":\"", Escape(message, true), "\"")
                                : Escape(message, false);
  for (const LogFields::Field& field : fields.fields()) {
    const std::string value = Escape(field.value, true);
    if (json_lines) {
      absl::StrAppend(&line, ",\"", field.key, "\":\"", value, "\"");
    } else if (field.is_word) {
      absl::StrAppend(&line, " ", field.key, "=", value);
    } else {
      absl::StrAppend(&line, " ", field.key, "=\"", value, "\"");
    }
  }
  return line;
}

void Log(spdlog::level::level_enum level, absl::string_view message, const LogFields& fields) {
  spdlog::log(level, "{}", Line(message, fields));
}

}  // namespace

void InitLog(LogFormat format) {
  json_lines = format == LogFormat::kJson;
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("agent", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_pattern(json_lines ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                                 : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::flush_on(spdlog::level::info);
}

void LogInfo(absl::string_view message) { LogInfo(message, {}); }
void LogWarning(absl::string_view message) { LogWarning(message, {}); }
void LogError(absl::string_view message) { Log(spdlog::level::err, message, {}); }

void LogInfo(absl::string_view message, const LogFields& fields) {
  Log(spdlog::level::info, message, fields);
}
void LogWarning(absl::string_view message, const LogFields& fields) {
  Log(spdlog::level::warn, message, fields);
}

LogFields& LogFields::Word(absl::string_view key, absl::string_view word) {
  fields_.push_back({std::string(key), std::string(word), true});
  return *this;
}

LogFields& LogFields::Text(absl::string_view key, absl::string_view text) {
  if (!text.empty()) fields_.push_back({std::string(key), std::string(text), false});
  return *this;
}

std::string LogSafe(absl::string_view text) { return Escape(text, true); }

std::string Printable(absl::string_view text) {
  const bool is_printable = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c));
  });
  return is_printable ? std::string(text) : LogSafe(text);
}

}  // namespace numalocality
