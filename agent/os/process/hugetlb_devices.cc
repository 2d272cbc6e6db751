#include "agent/os/process/hugetlb_devices.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// From 64 KiB to 16 GiB: what architectures have. A size that this one lacks is refused.
constexpr unsigned kSmallestShift = 16;
constexpr unsigned kLargestShift = 34;
constexpr unsigned kSizeFieldShift = 26;  // MFD_HUGE_SHIFT of linux/memfd.h

std::set<DeviceId> FindDevices() {
  std::set<DeviceId> devices;
  for (unsigned shift = kSmallestShift; shift <= kLargestShift; ++shift) {
    const ScopedFd fd(
        memfd_create("probe", MFD_CLOEXEC | MFD_HUGETLB | (shift << kSizeFieldShift)));
    struct stat status {};
    if (fd.valid() && fstat(fd.get(), &status) == 0) {
      devices.insert({major(status.st_dev), minor(status.st_dev)});
    }
  }
  return devices;
}

}  // namespace

const std::set<DeviceId>& InternalHugetlbDevices() {
  static const std::set<DeviceId>& devices = *new std::set<DeviceId>(FindDevices());
  return devices;
}

}  // namespace numalocality
