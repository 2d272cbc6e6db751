#include "agent/os/process/own_process.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {
namespace {

// The line "btime SECONDS" of /proc/stat.
absl::StatusOr<absl::Time> ReadBootTime(const Host& host) {
  const std::string path = host.proc + "/stat";
  // The line of interrupts before it is long on large machines.
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 8 * kMaxFileBytes));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    int64_t seconds = 0;
    if (absl::ConsumePrefix(&line, "btime ") && absl::SimpleAtoi(line, &seconds)) {
      return absl::FromUnixSeconds(seconds);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("read ", path, ": it has no line 'btime'"));
}

}  // namespace

absl::StatusOr<OwnProcess> ReadOwnProcess(const Host& host) {
  const absl::Duration tick = absl::Seconds(1) / sysconf(_SC_CLK_TCK);
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(host.proc + "/self/stat"));
  NL_ASSIGN_OR_RETURN(const ProcessStat stat, ParseStat(text));
  NL_ASSIGN_OR_RETURN(const absl::Time boot_time, ReadBootTime(host));
  NL_ASSIGN_OR_RETURN(const auto files, ListDirectory(AT_FDCWD, host.proc + "/self/fd"));
  OwnProcess process;
  process.cpu_time = static_cast<int64_t>(stat.cpu_ticks) * tick;
  process.resident_bytes = stat.resident_pages * host.page_bytes;
  process.open_file_count = static_cast<int64_t>(files.size());
  process.start_time = boot_time + static_cast<int64_t>(stat.start_ticks) * tick;
  return process;
}

}  // namespace numalocality
