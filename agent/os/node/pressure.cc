#include "agent/os/node/pressure.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// The avg10 value, as a fraction, of the line "<kind> avg10=1.50 avg60=...".
std::optional<double> Average(absl::string_view text, absl::string_view kind) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    if (words.size() < 2 || words[0] != kind) continue;
    absl::string_view value = words[1];
    double percent = 0;
    if (!absl::ConsumePrefix(&value, "avg10=") || !absl::SimpleAtod(value, &percent) ||
        !(percent >= 0 && percent <= 100)) {
      return std::nullopt;
    }
    return percent / 100;
  }
  return std::nullopt;
}

absl::Status BadPressure(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("memory pressure: not in the kernel's format: '", text.substr(0, 100), "'"));
}

absl::StatusOr<MemoryPressure> Read(const std::string& path) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseMemoryPressure(text);
}

}  // namespace

absl::StatusOr<MemoryPressure> ParseMemoryPressure(absl::string_view text) {
  const auto some = Average(text, "some");
  const auto full = Average(text, "full");
  if (some && full) return MemoryPressure{*some, *full};
  return BadPressure(text);
}

absl::StatusOr<absl::Duration> ParseStall(absl::string_view text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    absl::string_view value = words.back();
    int64_t microseconds = 0;
    if (words[0] == "full" && absl::ConsumePrefix(&value, "total=") &&
        absl::SimpleAtoi(value, &microseconds) && microseconds >= 0) {
      return absl::Microseconds(microseconds);
    }
  }
  return BadPressure(text);
}

absl::StatusOr<absl::Duration> ReadMachineStall(const Host& host) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(host.proc + "/pressure/memory"));
  return ParseStall(text);
}

absl::StatusOr<MemoryPressure> ReadMachinePressure(const Host& host) {
  return Read(host.proc + "/pressure/memory");
}

absl::StatusOr<MemoryPressure> ReadCgroupPressure(const Host& host,
                                                  const std::string& cgroup_path) {
  return Read(host.cgroup + cgroup_path + "/memory.pressure");
}

}  // namespace numalocality
