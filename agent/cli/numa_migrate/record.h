// Named values in order, for programs: as JSON (RFC 8259) or as CSV (RFC 4180).
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_RECORD_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace numalocality::numa_migrate {

class Record {
 public:
  void Add(absl::string_view name, int64_t value);
  void Add(absl::string_view name, double value);
  void Add(absl::string_view name, bool value);
  void Add(absl::string_view name, absl::string_view text);
  void Add(absl::string_view name, const char* text) { Add(name, absl::string_view(text)); }
  // Its values become CSV's "<name>_<its name>".
  void Add(absl::string_view name, const Record& nested);
  // Lists are in JSON only: they have no place in a line of CSV.
  void Add(absl::string_view name, const std::vector<Record>& records);
  void Add(absl::string_view name, const std::vector<std::string>& texts);

  // {"pid": 1, "failed_by_reason": {"pinned": 2}}
  std::string ToJson() const;

  // A line of names, and a line of values for each record; all have the names of the first.
  static std::string ToCsv(const std::vector<Record>& records);

 private:
  struct Value {
    std::string name;
    std::string text;
  };
  std::vector<Value> json_;
  std::vector<Value> csv_;
};

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_RECORD_H_
