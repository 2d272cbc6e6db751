#include "agent/cli/numa_migrate/denial.h"

#include "absl/strings/str_cat.h"
#include "agent/os/process/own_process.h"

namespace numalocality::numa_migrate {
namespace {

// What a capability is for, and the system calls that a seccomp filter must also allow.
struct Purpose {
  absl::string_view use;
  absl::string_view advice;  // what to do without the capability
  absl::string_view calls;
};

Purpose PurposeOf(Capability capability) {
  switch (capability) {
    case Capability::kSysNice:
      return {"to move pages that several processes map, and to pin other users' threads",
              "run as root, or omit the option that needs it", "move_pages and sched_setaffinity"};
    case Capability::kSysAdmin:
      return {"to switch automatic NUMA balancing", "run as root, or omit --numa-balancing",
              "write"};
    case Capability::kDacOverride:
    case Capability::kDacReadSearch:
    case Capability::kSysPtrace: break;
  }
  return {"to access other users' processes", "run as root, or as the process's user",
          "move_pages, pidfd_open and ptrace"};
}

}  // namespace

std::string ExplainDenial(const Privileges& privileges, Capability needed) {
  const Purpose purpose = PurposeOf(needed);
  const std::string name = CapabilitySet(uint64_t{1} << static_cast<int>(needed)).Names()[0];
  if (!privileges.effective.Has(needed)) {
    return absl::StrCat("the capability ", name, " is missing; it is needed ", purpose.use, "; ",
                        purpose.advice);
  }
  if (privileges.seccomp != SeccompMode::kDisabled) {
    return absl::StrCat(name, " is present, but a seccomp filter is active; it must allow ",
                        purpose.calls);
  }
  return absl::StrCat(name, " is present and no seccomp filter is active, so a security module ",
                      "(AppArmor, SELinux, Yama) or a user namespace refuses; see the kernel log");
}

absl::Status WithDenial(const absl::Status& status, Capability needed, const Host& host) {
  if (!absl::IsPermissionDenied(status)) return status;
  const Privileges privileges = ReadOwnPrivileges(host).value_or(Privileges());
  return absl::PermissionDeniedError(
      absl::StrCat(status.message(), ": ", ExplainDenial(privileges, needed)));
}

bool HasCapability(Capability capability, const Host& host) {
  const auto privileges = ReadOwnPrivileges(host);
  return privileges.ok() && privileges->effective.Has(capability);
}

}  // namespace numalocality::numa_migrate
