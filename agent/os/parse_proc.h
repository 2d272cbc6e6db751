// Texts of /proc/PID (Documentation/filesystems/proc.rst). Pure; made for hostile input: a process
// chooses its own name and the paths of what it maps.
#ifndef NUMALOCALITY_AGENT_OS_PARSE_PROC_H_
#define NUMALOCALITY_AGENT_OS_PARSE_PROC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/ids.h"

namespace numalocality {

struct ProcessStat {
  std::string command;  // as the process set it; any bytes
  char state = '?';     // R, S, D, Z, ...
  uint64_t start_ticks = 0;
};

// /proc/PID/stat. The command may hold spaces and parentheses: it ends at the last ')'.
absl::StatusOr<ProcessStat> ParseStat(absl::string_view text);

// What lies behind a mapping, as far as its line in /proc/PID/maps tells.
enum class Backing {
  kAnonymous,  // heap, stack, anonymous private memory
  kShmem,      // memfd, tmpfs below /dev/shm, System V, shared anonymous
  kFile,       // files; private mappings of them may hold anonymous copies
  kHugetlb,
  kSpecial,  // vdso, vvar, device memory: never touched
};

struct Mapping {
  AddressRange range;
  Backing backing = Backing::kAnonymous;
};

// /proc/PID/maps, in address order.
absl::StatusOr<std::vector<Mapping>> ParseMaps(absl::string_view text);

// The path in the cgroup v2 line ("0::/path") of /proc/PID/cgroup; NOT_FOUND if there is none.
absl::StatusOr<std::string> ParseProcessCgroup(absl::string_view text);

// The nodes of the line Mems_allowed_list in /proc/PID/status, as the kernel's list format.
absl::StatusOr<std::string> ParseMemsAllowed(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PARSE_PROC_H_
