// Named values in order, printed for programs as JSON (RFC 8259) or CSV (RFC 4180).
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OUTPUT_FIELDS_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OUTPUT_FIELDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace numalocality::numa_migrate {

class Fields {
 public:
  void Add(absl::string_view name, int64_t value);
  void Add(absl::string_view name, double value);
  void Add(absl::string_view name, bool value);
  void Add(absl::string_view name, absl::string_view text);
  void Add(absl::string_view name, const char* text) { Add(name, absl::string_view(text)); }
  // In CSV the values of `nested` have the names "<name>_<its name>".
  void Add(absl::string_view name, const Fields& nested);
  // Lists are in JSON only, as a line of CSV cannot hold them.
  void Add(absl::string_view name, const std::vector<Fields>& rows);
  void Add(absl::string_view name, const std::vector<std::string>& texts);

  // {"pid": 1, "failed_by_reason": {"pinned": 2}}
  std::string ToJson() const;

  // A line of names, then a line of values for each of `rows`, which must all have the same names.
  static std::string ToCsv(const std::vector<Fields>& rows);

 private:
  struct Value {
    std::string name;
    std::string text;
  };
  std::vector<Value> json_;
  std::vector<Value> csv_;
};

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OUTPUT_FIELDS_H_
