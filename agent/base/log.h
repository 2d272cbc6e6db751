// Logging: spdlog's default logger, on standard error, as text or as one JSON object a line.
#ifndef NUMALOCALITY_AGENT_BASE_LOG_H_
#define NUMALOCALITY_AGENT_BASE_LOG_H_

#include <string>

#include "absl/strings/string_view.h"

namespace numalocality {

enum class LogFormat { kText, kJson };

// Sets up the process's logger. Call once, before the first log line.
void InitLog(LogFormat format);

// Logs one event: a short constant sentence and `key=value` details that the caller has escaped
// where they come from outside (see LogSafe).
void LogInfo(absl::string_view message);
void LogWarning(absl::string_view message);
void LogError(absl::string_view message);

// `text` with control characters, quotes, backslashes and bytes above 0x7e escaped, for names
// that a container chose.
std::string LogSafe(absl::string_view text);

// `text` as it is if it is printable ASCII, else LogSafe: for protobuf strings and metrics, which
// must be UTF-8, whatever bytes a container chose.
std::string Printable(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_LOG_H_
