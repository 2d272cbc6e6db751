#include "agent/os/process/own_process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {
namespace {

// Reads the line "btime SECONDS" of /proc/stat.
absl::StatusOr<absl::Time> ReadBootTime(const Host& host) {
  const std::string path = host.proc + "/stat";
  // On large machines the line of interrupts before it is long.
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 8 * kMaxFileBytes));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    int64_t seconds = 0;
    if (absl::ConsumePrefix(&line, "btime ") && absl::SimpleAtoi(line, &seconds)) {
      return absl::FromUnixSeconds(seconds);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("read ", path, ": it has no line 'btime'"));
}

// The inode of the host's PID namespace, a constant of the kernel: PROC_PID_INIT_INO of
// linux/proc_ns.h.
constexpr ino_t kHostPidNamespaceInode = 0xEFFFFFFC;

// The rest of the line that begins with `name` and a colon.
absl::StatusOr<absl::string_view> Field(absl::string_view status, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, ":")) {
      return absl::StripAsciiWhitespace(line);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("process status: no line ", name));
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

absl::StatusOr<Privileges> ParsePrivileges(absl::string_view status) {
  NL_ASSIGN_OR_RETURN(const absl::string_view effective, Field(status, "CapEff"));
  NL_ASSIGN_OR_RETURN(const absl::string_view nodes, Field(status, "Mems_allowed_list"));
  uint64_t bits = 0;
  if (!absl::SimpleHexAtoi(effective, &bits)) {
    return absl::InvalidArgumentError(absl::StrCat("process status: bad CapEff '", effective, "'"));
  }
  Privileges privileges;
  privileges.effective = CapabilitySet(bits);
  NL_ASSIGN_OR_RETURN(privileges.allowed_nodes, NodeSet::Parse(nodes));
  // The line is missing if the kernel was built without seccomp.
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
  privileges.in_host_pid_namespace = inode.st_ino == kHostPidNamespaceInode;
  // EINVAL if no security module has labels. AppArmor ends the label with a line feed, SELinux with
  // a null byte.
  const auto label = ReadFile(host.proc + "/self/attr/current");
  if (label.ok()) privileges.security_label = label->substr(0, label->find_first_of({"\n\0", 2}));
  return privileges;
}

absl::Status RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return ErrnoStatus(errno, "raise the limit of open files");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return ErrnoStatus(errno, "raise the limit of open files");
  return absl::OkStatus();
}

}  // namespace numalocality
