// Texts of /proc/PID (Documentation/filesystems/proc.rst). Pure; made for hostile input: a process
// chooses its own name and the paths of what it maps.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_PARSE_PROC_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_PARSE_PROC_H_

#include <compare>
#include <cstdint>
#include <set>
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
  uint64_t cpu_ticks = 0;  // of all its threads, in user space and in the kernel
  int thread_count = 0;
  int64_t resident_pages = 0;
  uint64_t code_start = 0;   // 0: has no memory
  uint64_t stack_start = 0;  // at exec; 0 also if the reader may not know it
};

// /proc/PID/stat. The command may hold spaces and parentheses: it ends at the last ')'.
absl::StatusOr<ProcessStat> ParseStat(absl::string_view text);

// A device number: of a mapped file's file system, as maps and mountinfo name it.
struct DeviceId {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const DeviceId&) const = default;
};

// A file, or an object of shared memory: two mappings that name the same one share its pages.
struct FileId {
  DeviceId device;
  uint64_t inode = 0;
  auto operator<=>(const FileId&) const = default;
};

// What lies behind a mapping, as far as its line in /proc/PID/maps tells.
enum class Backing {
  kAnonymous,  // private memory but heap and stack
  kHeap,
  kStack,
  kShmem,  // memfd, tmpfs, System V, shared anonymous
  kFile,
  kHugetlb,
  kSpecial,  // vdso, vvar, device memory, files in persistent memory: never touched
};

struct Mapping {
  AddressRange range;
  Backing backing = Backing::kAnonymous;
  bool is_shared = false;  // writes go to the object; private ones make anonymous copies
  FileId file;             // inode 0: none

  // Pages of an object may stand beside anonymous copies of such.
  bool MayHoldCopies() const {
    return !is_shared && (backing == Backing::kFile || backing == Backing::kShmem);
  }
  bool operator==(const Mapping&) const = default;
};

// Mounted file systems whose files are not disk files in page cache, wherever they are mounted.
struct MemoryFileSystems {
  std::set<DeviceId> hugetlbfs;
  std::set<DeviceId> tmpfs;
  std::set<DeviceId> devices;  // sysfs, whose files map registers; DAX
};

// /proc/PID/mountinfo.
absl::StatusOr<MemoryFileSystems> ParseMountinfo(absl::string_view text);

// /proc/PID/maps, in address order. A mapped file's path alone does not tell what is behind it: a
// memfd may be hugetlb, and a tmpfs may be mounted anywhere.
absl::StatusOr<std::vector<Mapping>> ParseMaps(absl::string_view text,
                                               const MemoryFileSystems& file_systems);

// The path in /proc/PID/cgroup of the cgroup that memory is charged to: in the line of v1's memory
// controller ("9:memory:/path"), else of cgroup v2 ("0::/path"). NOT_FOUND if there is neither.
absl::StatusOr<std::string> ParseProcessCgroup(absl::string_view text);

// The nodes of the line Mems_allowed_list in /proc/PID/status, as the kernel's list format.
absl::StatusOr<std::string> ParseMemsAllowed(absl::string_view text);

// Bytes of the line VmSwap in /proc/PID/status: anonymous memory that is swapped out. NOT_FOUND if
// there is none, as on kernels without swap.
absl::StatusOr<int64_t> ParseSwappedBytes(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PARSE_PROC_H_
