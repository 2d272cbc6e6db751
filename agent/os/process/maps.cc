#include "agent/os/process/maps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Adds the device of an empty memfd that is made with `flags`. The kernel may refuse them.
void AddDevice(unsigned flags, std::set<DeviceId>& devices) {
  const ScopedFd fd(memfd_create("probe", MFD_CLOEXEC | flags));
  struct stat status {};
  if (fd.valid() && fstat(fd.get(), &status) == 0) {
    devices.insert({major(status.st_dev), minor(status.st_dev)});
  }
}

// Hugetlb page sizes of all architectures: 64 KiB to 16 GiB. The kernel refuses a size that this
// one lacks.
constexpr unsigned kSmallestShift = 16;
constexpr unsigned kLargestShift = 34;
constexpr unsigned kSizeFieldShift = 26;  // MFD_HUGE_SHIFT of linux/memfd.h

MemoryFileSystems FindInternal() {
  MemoryFileSystems found;
  AddDevice(0, found.tmpfs);
  for (unsigned shift = kSmallestShift; shift <= kLargestShift; ++shift) {
    AddDevice(MFD_HUGETLB | (shift << kSizeFieldShift), found.hugetlbfs);
  }
  return found;
}

// The file systems that no mountinfo shows, because the kernel mounts them for itself. Found once.
// Thread-safe.
const MemoryFileSystems& InternalFileSystems() {
  static const MemoryFileSystems& found = *new MemoryFileSystems(FindInternal());
  return found;
}

// Longer than all names that are not paths ("[anon_shmem:" and 80 bytes), and than the paths that
// BackingOf knows. Of a longer path, the mapped file's device says enough.
constexpr size_t kMaxNameBytes = 128;

// The cost of one mapping: what the kernel returns, and what a caller may keep.
constexpr int64_t kQueryBytes = 104 + sizeof(Mapping);

// Visits the mappings by QueryMapping. UNIMPLEMENTED if the kernel does not have it, and nothing
// has been visited.
absl::Status VisitByQuery(KernelCalls& kernel, int maps_fd, const std::string& path,
                          const MemoryFileSystems& file_systems, ReadBudget& budget,
                          absl::FunctionRef<bool(const Mapping&)> visit) {
  for (uint64_t at = 0;;) {
    char name[kMaxNameBytes] = {};
    MappingRecord record;
    int result = kernel.QueryMapping(maps_fd, at, absl::MakeSpan(name), record);
    const bool is_long_path = result == -ENAMETOOLONG;
    if (is_long_path) result = kernel.QueryMapping(maps_fd, at, {}, record);
    if (result == -ENOENT) return absl::OkStatus();
    if (result == -ESRCH) return ErrnoStatus(ESRCH, absl::StrCat("read ", path));
    // Sandboxes refuse unknown ioctls with other errors.
    if (result != 0 && at == 0) return absl::UnimplementedError("PROCMAP_QUERY");
    if (result != 0) return ErrnoStatus(-result, absl::StrCat("read ", path));
    NL_RETURN_IF_ERROR(budget.Take(path, kQueryBytes));
    Mapping mapping;
    mapping.range = record.range;
    mapping.is_shared = record.is_shared;
    mapping.file = {{record.device_major, record.device_minor}, record.inode};
    mapping.backing = BackingOf(is_long_path ? "/" : name, mapping.file.device, file_systems);
    if (!visit(mapping)) return absl::OkStatus();
    at = record.range.end;
  }
}

absl::Status VisitText(int directory_fd, const std::string& path,
                       const MemoryFileSystems& file_systems, ReadBudget& budget,
                       absl::FunctionRef<bool(const Mapping&)> visit) {
  absl::Status bad;
  NL_RETURN_IF_ERROR(
      VisitLineHeadsAt(directory_fd, path, kMapsLineHead, budget, [&](absl::string_view line) {
        const auto mapping = ParseMapsLine(line, file_systems);
        bad = mapping.ok() ? budget.Take(path, sizeof(Mapping)) : mapping.status();
        return bad.ok() && visit(*mapping);
      }));
  return bad;
}

}  // namespace

absl::StatusOr<MemoryFileSystems> ReadMemoryFileSystems(int directory_fd, const std::string& path,
                                                        ReadBudget& budget) {
  MountinfoParser parser;
  const absl::Status status = VisitFileAt(directory_fd, path, budget, [&](absl::string_view part) {
    parser.Add(part);
    return true;
  });
  // EINVAL: the process is exiting and has already lost its mounts.
  if (absl::IsInvalidArgument(status)) return absl::NotFoundError(status.message());
  NL_RETURN_IF_ERROR(status);
  NL_ASSIGN_OR_RETURN(MemoryFileSystems file_systems, parser.Finish());
  const MemoryFileSystems& internal = InternalFileSystems();
  file_systems.tmpfs.insert(internal.tmpfs.begin(), internal.tmpfs.end());
  file_systems.hugetlbfs.insert(internal.hugetlbfs.begin(), internal.hugetlbfs.end());
  return file_systems;
}

absl::Status VisitMaps(KernelCalls& kernel, int directory_fd, const std::string& path,
                       const MemoryFileSystems& file_systems, ReadBudget& budget,
                       absl::FunctionRef<bool(const Mapping&)> visit) {
  const ScopedFd fd(openat(directory_fd, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  absl::Status status = VisitByQuery(kernel, fd.get(), path, file_systems, budget, visit);
  if (!absl::IsUnimplemented(status)) return status;
  return VisitText(directory_fd, path, file_systems, budget, visit);
}

}  // namespace numalocality
