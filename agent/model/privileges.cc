#include "agent/model/privileges.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace numalocality {
namespace {

constexpr std::array<absl::string_view, 41> kNames = {"CHOWN",
                                                      "DAC_OVERRIDE",
                                                      "DAC_READ_SEARCH",
                                                      "FOWNER",
                                                      "FSETID",
                                                      "KILL",
                                                      "SETGID",
                                                      "SETUID",
                                                      "SETPCAP",
                                                      "LINUX_IMMUTABLE",
                                                      "NET_BIND_SERVICE",
                                                      "NET_BROADCAST",
                                                      "NET_ADMIN",
                                                      "NET_RAW",
                                                      "IPC_LOCK",
                                                      "IPC_OWNER",
                                                      "SYS_MODULE",
                                                      "SYS_RAWIO",
                                                      "SYS_CHROOT",
                                                      "SYS_PTRACE",
                                                      "SYS_PACCT",
                                                      "SYS_ADMIN",
                                                      "SYS_BOOT",
                                                      "SYS_NICE",
                                                      "SYS_RESOURCE",
                                                      "SYS_TIME",
                                                      "SYS_TTY_CONFIG",
                                                      "MKNOD",
                                                      "LEASE",
                                                      "AUDIT_WRITE",
                                                      "AUDIT_CONTROL",
                                                      "SETFCAP",
                                                      "MAC_OVERRIDE",
                                                      "MAC_ADMIN",
                                                      "SYSLOG",
                                                      "WAKE_ALARM",
                                                      "BLOCK_SUSPEND",
                                                      "AUDIT_READ",
                                                      "PERFMON",
                                                      "BPF",
                                                      "CHECKPOINT_RESTORE"};
static_assert(kNames[static_cast<size_t>(Capability::kSysNice)] == "SYS_NICE");

constexpr EnumTable<SeccompMode> kSeccompModes = {{
    {SeccompMode::kDisabled, "disabled", "disabled", ""},
    {SeccompMode::kStrict, "strict", "strict", ""},
    {SeccompMode::kFilter, "filter", "filter", ""},
}};
static_assert(IsWellFormed(kSeccompModes));

}  // namespace

const EnumTable<SeccompMode>& TableOf(SeccompMode) { return kSeccompModes; }

std::vector<std::string> CapabilitySet::Names() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < 64; ++i) {
    if ((bits_ >> i & 1) == 0) continue;
    names.push_back(i < kNames.size() ? absl::StrCat("CAP_", kNames[i]) : absl::StrCat("CAP_", i));
  }
  return names;
}

}  // namespace numalocality
