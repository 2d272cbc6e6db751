// Log lines with details for programs that read the log.
#ifndef NUMALOCALITY_AGENT_BASE_LOG_FIELDS_H_
#define NUMALOCALITY_AGENT_BASE_LOG_FIELDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace numalocality {

// Details of an event. As text they follow the message, key=value. In JSON each is a member of the
// line's object; the keys "time", "level" and "message" are taken.
class LogFields {
 public:
  struct Field {
    std::string key;
    std::string value;
    bool is_word = false;
  };

  // `word`: a constant of this program or a number, which needs no quotes.
  LogFields& Word(absl::string_view key, absl::string_view word);
  // Any text, which is escaped; left out if it is empty.
  LogFields& Text(absl::string_view key, absl::string_view text);

  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

// `message`: as of the functions of the same name in log.h.
void LogInfo(absl::string_view message, const LogFields& fields);
void LogWarning(absl::string_view message, const LogFields& fields);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_LOG_FIELDS_H_
