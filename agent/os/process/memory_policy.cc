#include "agent/os/process/memory_policy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/process/parse_numa_maps.h"

namespace numalocality {
namespace {

// Of a sequence file of /proc: the kernel makes as many lines as a read has room for, and for one
// byte it makes one.
absl::StatusOr<std::string> ReadFirstLine(const std::string& path) {
  constexpr size_t kMostBytes = 8192;  // a path has half of that at most
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  std::string line;
  while (line.size() < kMostBytes) {
    char byte = 0;
    const ssize_t got = read(fd.get(), &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("read ", path));
    if (got == 0 || byte == '\n') break;
    line += byte;
  }
  return line;
}

}  // namespace

absl::StatusOr<NodeSet> ReadPolicyNodes(const Host& host, const ProcessHandle& process) {
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> mappings, process.ReadMaps());
  if (mappings.empty() || mappings.front().range.size() > kMostWalkedBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat("process ", process.pid(), ": its lowest mapping is too large to be walked"));
  }
  NL_ASSIGN_OR_RETURN(const std::string line,
                      ReadFirstLine(absl::StrCat(host.proc, "/", process.pid(), "/numa_maps")));
  NL_ASSIGN_OR_RETURN(const std::vector<NumaMapping> first, ParseNumaMaps(line));
  if (first.empty() || process.Fate() != ProcessFate::kRunning) {
    return absl::NotFoundError(absl::StrCat("process ", process.pid(), ": has exited"));
  }
  return first.front().policy_nodes;
}

}  // namespace numalocality
