#include "agent/cli/numa_migrate/denial.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/os/file.h"

namespace numalocality {
namespace {

// Bit of CAP_SYS_PTRACE in capability masks, and seccomp's "filter" mode.
constexpr int kCapSysPtrace = 19;
constexpr absl::string_view kSeccompFilter = "2";

// The value of a "Key:\tvalue" line; "" if there is none.
absl::string_view Field(absl::string_view status, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (absl::ConsumePrefix(&line, key)) return absl::StripAsciiWhitespace(line);
  }
  return "";
}

}  // namespace

std::string ExplainDenial(absl::string_view self_status) {
  uint64_t effective = 0;
  if (!absl::SimpleHexAtoi(Field(self_status, "CapEff:"), &effective)) effective = 0;
  if ((effective >> kCapSysPtrace & 1) == 0) {
    return "the capability CAP_SYS_PTRACE is missing, which access to other users' processes "
           "takes; run as root, or as the process's user";
  }
  if (Field(self_status, "Seccomp:") == kSeccompFilter) {
    return "CAP_SYS_PTRACE is there, but a seccomp filter is in force; let it allow move_pages and "
           "pidfd_open";
  }
  return "CAP_SYS_PTRACE is there and no seccomp filter is in force, so a security module "
         "(AppArmor, SELinux, Yama) refuses; see the kernel log";
}

std::string ExplainDenial(const HostPaths& paths) {
  const auto status = ReadFile(paths.proc + "/self/status");
  return ExplainDenial(status.ok() ? absl::string_view(*status) : "");
}

}  // namespace numalocality
