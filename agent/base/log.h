// Logging to standard error, as text or as one JSON object per line. Uses spdlog's default logger.
#ifndef NUMALOCALITY_AGENT_BASE_LOG_H_
#define NUMALOCALITY_AGENT_BASE_LOG_H_

#include <string>

#include "absl/strings/string_view.h"

namespace numalocality {

enum class LogFormat { kText, kJson };

// Sets up the process's logger. Call it once, before the first log line.
void InitLog(LogFormat format);

// Log one event: a short constant sentence and `key=value` details. The caller escapes details that
// come from outside (see LogSafe).
void LogInfo(absl::string_view message);
void LogWarning(absl::string_view message);
void LogError(absl::string_view message);

// Escapes control characters, quotes, backslashes and bytes above 0x7e. For names that a container
// chose.
std::string LogSafe(absl::string_view text);

// Returns `text` unchanged if it is printable ASCII, otherwise LogSafe(text). For protobuf strings
// and metrics, which must be UTF-8 even if a container chose other bytes.
std::string Printable(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_LOG_H_
