#include "agent/os/node/reclaim_counters.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/node/pressure.h"

namespace numalocality {
namespace {

// The value of the line "<name> <value>".
std::optional<int64_t> Counter(absl::string_view vmstat, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(vmstat, '\n')) {
    int64_t value = 0;
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtoi(line, &value)) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<int64_t> Sum(absl::string_view vmstat, absl::string_view a, absl::string_view b) {
  const auto first = Counter(vmstat, a);
  const auto second = Counter(vmstat, b);
  if (!first || !second) return std::nullopt;
  return *first + *second;
}

}  // namespace

absl::StatusOr<ReclaimCounters> ParseReclaimCounters(absl::string_view vmstat) {
  // Names until Linux 5.8 are the second ones.
  auto refaulted = Counter(vmstat, "workingset_refault_file");
  if (!refaulted) refaulted = Counter(vmstat, "workingset_refault");
  auto reclaimed = Sum(vmstat, "pgsteal_anon", "pgsteal_file");
  if (!reclaimed) reclaimed = Sum(vmstat, "pgsteal_kswapd", "pgsteal_direct");
  if (!refaulted || !reclaimed) {
    return absl::UnimplementedError("/proc/vmstat does not count refaults or reclaimed pages");
  }
  ReclaimCounters counters;
  counters.refaulted_pages = *refaulted;
  counters.reclaimed_pages = *reclaimed;
  counters.reclaimed_anon_pages = Counter(vmstat, "pgsteal_anon").value_or(0);
  return counters;
}

absl::StatusOr<ReclaimCounters> ReadReclaimCounters(const Host& host, absl::Duration now) {
  NL_ASSIGN_OR_RETURN(const std::string vmstat, ReadFile(host.proc + "/vmstat"));
  NL_ASSIGN_OR_RETURN(ReclaimCounters counters, ParseReclaimCounters(vmstat));
  counters.time = now;
  counters.stalled = ReadMachineStall(host).value_or(absl::ZeroDuration());
  return counters;
}

}  // namespace numalocality
