// Parsers for the files of /proc/PID (Documentation/filesystems/proc.rst). Pure, and safe for
// hostile input: a process chooses its own name and the paths of the files that it maps.
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
  std::string command;  // set by the process; any bytes
  char state = '?';     // R, S, D, Z, ...
  uint64_t start_ticks = 0;
  uint64_t cpu_ticks = 0;  // of all threads, in user and kernel mode
  int thread_count = 0;
  int64_t resident_pages = 0;
  uint64_t code_start = 0;   // 0 if the process has no memory
  uint64_t stack_start = 0;  // at exec; 0 also if the reader lacks permission
};

// Parses /proc/PID/stat. The command may contain spaces and parentheses: it ends at the last ')'.
absl::StatusOr<ProcessStat> ParseStat(absl::string_view text);

// The device number of a mapped file's file system, as in maps and mountinfo.
struct DeviceId {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const DeviceId&) const = default;
};

// A file or shared memory object. Two mappings with the same FileId share its pages.
struct FileId {
  DeviceId device;
  uint64_t inode = 0;
  auto operator<=>(const FileId&) const = default;
};

// What a mapping maps, as far as its line in /proc/PID/maps shows.
enum class Backing {
  kAnonymous,  // private memory except heap and stack
  kHeap,
  kStack,
  kShmem,  // memfd, tmpfs, System V, shared anonymous
  kFile,
  kHugetlb,
  kSpecial,  // vdso, vvar, device memory, files in persistent memory: never scanned or moved
};

struct Mapping {
  AddressRange range;
  Backing backing = Backing::kAnonymous;
  bool is_shared =
      false;    // writes go to the object; in private mappings they make anonymous copies
  FileId file;  // inode 0 if there is none

  // Whether the mapping may contain anonymous copies of the object's pages.
  bool MayHoldCopies() const {
    return !is_shared && (backing == Backing::kFile || backing == Backing::kShmem);
  }
  bool operator==(const Mapping&) const = default;
};

// The mounted file systems, anywhere in the tree, whose files are not disk files in page cache.
struct MemoryFileSystems {
  std::set<DeviceId> hugetlbfs;
  std::set<DeviceId> tmpfs;    // and devtmpfs
  std::set<DeviceId> devices;  // sysfs, whose files map device registers; DAX
};

// Parses /proc/PID/mountinfo, whose text may come in parts. Keeps no paths.
class MountinfoParser {
 public:
  void Add(absl::string_view part);
  // After the last part. INVALID_ARGUMENT if a line has another format.
  absl::StatusOr<MemoryFileSystems> Finish();

 private:
  void EndWord();
  void EndLine();
  void EndOption();

  static constexpr int kBeforeDash = -1;

  MemoryFileSystems mounts_;
  std::string bad_line_;          // the beginning of the first one
  std::string line_;              // the beginning of the current line
  std::string word_;              // the beginning of the current word, or mount option
  int word_count_ = 0;            // in the current line
  int after_dash_ = kBeforeDash;  // words behind the "-"
  bool has_device_ = false;
  bool has_dax_ = false;
  DeviceId device_;
  std::string type_;
};

// What a mapping maps. `name` is its path or name in /proc/PID/maps, or at least the first 100
// bytes of it. A process can give a file any path, so the device decides: a file on a disk is
// kFile, whatever its path. In a tmpfs, a path below /dev is kSpecial: that of a device in a
// container's /dev.
Backing BackingOf(absl::string_view name, const DeviceId& device,
                  const MemoryFileSystems& file_systems);

// Parses one line of /proc/PID/maps without its line feed, or at least the first kMapsLineHead
// bytes of it. INVALID_ARGUMENT if it has another format.
inline constexpr size_t kMapsLineHead = 256;
absl::StatusOr<Mapping> ParseMapsLine(absl::string_view line,
                                      const MemoryFileSystems& file_systems);

// Parses /proc/PID/cgroup. Returns the path of the cgroup to which memory is charged: that of the
// memory controller of cgroup v1 ("9:memory:/path"), otherwise that of cgroup v2 ("0::/path").
// NOT_FOUND if there is neither.
absl::StatusOr<std::string> ParseProcessCgroup(absl::string_view text);

// Returns the line Mems_allowed_list of /proc/PID/status: nodes in the kernel's list format.
absl::StatusOr<std::string> ParseMemsAllowed(absl::string_view text);

// Returns the line VmSwap of /proc/PID/status in bytes: the anonymous memory that is swapped out.
// NOT_FOUND if the line is missing, as on kernels built without swap.
absl::StatusOr<int64_t> ParseSwappedBytes(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PARSE_PROC_H_
