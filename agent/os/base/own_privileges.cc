#include "agent/os/base/own_privileges.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// The inode of the first PID namespace: fixed in the kernel, PROC_PID_INIT_INO.
constexpr ino_t kHostPidNamespace = 0xEFFFFFFC;

// What stands behind `name` and a colon in a line of its own.
absl::StatusOr<absl::string_view> Field(absl::string_view status, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, ":")) {
      return absl::StripAsciiWhitespace(line);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("process status: no line ", name));
}

}  // namespace

absl::StatusOr<Privileges> ParsePrivileges(absl::string_view status) {
  NL_ASSIGN_OR_RETURN(const absl::string_view effective, Field(status, "CapEff"));
  NL_ASSIGN_OR_RETURN(const absl::string_view nodes, Field(status, "Mems_allowed_list"));
  uint64_t bits = 0;
  if (!absl::SimpleHexAtoi(effective, &bits)) {
    return absl::InvalidArgumentError(absl::StrCat("process status: CapEff is '", effective, "'"));
  }
  Privileges privileges;
  privileges.effective = CapabilitySet(bits);
  NL_ASSIGN_OR_RETURN(privileges.allowed_nodes, NodeSet::Parse(nodes));
  // Absent from kernels built without it.
  const auto seccomp = Field(status, "Seccomp");
  if (seccomp.ok() && *seccomp == "1") privileges.seccomp = SeccompMode::kStrict;
  if (seccomp.ok() && *seccomp == "2") privileges.seccomp = SeccompMode::kFilter;
  return privileges;
}

absl::StatusOr<Privileges> ReadOwnPrivileges(const Host& host) {
  NL_ASSIGN_OR_RETURN(const std::string status, ReadFile(host.proc + "/self/status"));
  NL_ASSIGN_OR_RETURN(Privileges privileges, ParsePrivileges(status));
  const std::string name_space = host.proc + "/self/ns/pid";
  struct stat inode {};
  if (stat(name_space.c_str(), &inode) != 0) return ErrnoStatus(errno, name_space);
  privileges.in_host_pid_namespace = inode.st_ino == kHostPidNamespace;
  // EINVAL where no module has labels. AppArmor ends it with a line feed, SELinux with a null.
  const auto label = ReadFile(host.proc + "/self/attr/current");
  if (label.ok()) privileges.security_label = label->substr(0, label->find_first_of({"\n\0", 2}));
  return privileges;
}

}  // namespace numalocality
