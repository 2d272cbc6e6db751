#include "agent/os/act/numa_balancing.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

std::string Path(const Host& host) { return host.proc + "/sys/kernel/numa_balancing"; }

absl::Status Write(const Host& host, int mode) {
  const absl::Status status = WriteFile(Path(host), absl::StrCat(mode, "\n"));
  if (!absl::IsPermissionDenied(status)) return status;
  return absl::PermissionDeniedError(
      absl::StrCat("set automatic NUMA balancing to ", mode,
                   ": needs root with CAP_SYS_ADMIN and a writable /proc/sys; or let the machine's "
                   "administrator run: sysctl kernel.numa_balancing=",
                   mode));
}

}  // namespace

absl::StatusOr<int> ReadNumaBalancing(const Host& host) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(Path(host)));
  int mode = 0;
  if (absl::SimpleAtoi(text, &mode) && mode >= 0) return mode;
  return absl::InvalidArgumentError(absl::StrCat(
      Path(host), ": not a mode: '", absl::StripAsciiWhitespace(text).substr(0, 20), "'"));
}

absl::StatusOr<std::unique_ptr<NumaBalancingOff>> NumaBalancingOff::Begin(const Host& host) {
  const auto mode = ReadNumaBalancing(host);
  if (!mode.ok() && !absl::IsNotFound(mode.status())) return mode.status();
  const int mode_before = mode.value_or(0);
  if (mode_before != 0) NL_RETURN_IF_ERROR(Write(host, 0));
  return std::unique_ptr<NumaBalancingOff>(new NumaBalancingOff(host, mode_before));
}

absl::Status NumaBalancingOff::Restore() {
  if (std::exchange(ended_, true)) return absl::OkStatus();
  const auto now = ReadNumaBalancing(host_);
  if (absl::IsNotFound(now.status())) return absl::OkStatus();  // not built in
  if (!now.ok()) return now.status();
  if (*now != 0) {
    return absl::AbortedError(
        absl::StrCat("automatic NUMA balancing: another program has set it to ", *now,
                     " during the migration, and it stays at that; before it was ", mode_before_));
  }
  return mode_before_ == 0 ? absl::OkStatus() : Write(host_, mode_before_);
}

}  // namespace numalocality
