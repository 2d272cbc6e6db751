#include "tests/bench/scan_methods.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "agent/os/act/system_kernel_calls.h"
#include "agent/os/pages/page_scanner.h"

namespace numalocality::bench {
namespace {

constexpr int64_t kPage = 4096;
constexpr size_t kBatch = 4096;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "bench-scan: %s\n", what.c_str());
  std::_Exit(1);
}

int64_t ScanPart(pid_t pid, AddressRange range, bool is_on_one_node) {
  const Host host;
  const auto process = ProcessHandle::Open(SystemKernelCalls(), host, pid);
  if (!process.ok()) Die(process.status().ToString());
  ExpectedNodes expected;
  if (is_on_one_node) expected[MemoryKind::kAnon] = NodeId{0};
  int64_t pages = 0;
  const absl::Status status = PageScanner(SystemKernelCalls(), Clock::System(), host, kPage)
                                  .Scan(
                                      *process, *process->ReadMaps(), {range}, kPrivateKinds,
                                      [&](absl::Span<const PageSpan> runs) {
                                        for (const PageSpan& run : runs) pages += run.pages;
                                        return true;
                                      },
                                      expected);
  if (!status.ok()) Die(status.ToString());
  return pages;
}

}  // namespace

int64_t ScanByUs(pid_t pid, AddressRange range, int threads, bool is_on_one_node) {
  if (threads == 1) return ScanPart(pid, range, is_on_one_node);
  std::atomic<int64_t> pages = 0;
  std::vector<std::thread> workers;
  const uint64_t part = range.size() / static_cast<uint64_t>(threads);
  for (int i = 0; i < threads; ++i) {
    const uint64_t start = range.start + static_cast<uint64_t>(i) * part;
    workers.emplace_back([=, &pages] {
      pages += ScanPart(pid, {start, start + part}, is_on_one_node);
    });
  }
  for (std::thread& worker : workers) worker.join();
  return pages;
}

int64_t ScanByQueries(pid_t pid, AddressRange range) {
  std::vector<uint64_t> addresses(kBatch);
  std::vector<int> status(kBatch);
  int64_t pages = 0;
  for (uint64_t at = range.start; at < range.end;) {
    size_t count = 0;
    for (; count < kBatch && at < range.end; at += kPage) addresses[count++] = at;
    const int result =
        SystemKernelCalls().MovePages(pid, absl::MakeSpan(addresses).first(count), {},
                                      absl::MakeSpan(status).first(count), MoveFlag::kExclusive);
    if (result != 0) Die("move_pages: error " + std::to_string(-result));
    pages += std::count_if(status.begin(), status.begin() + static_cast<std::ptrdiff_t>(count),
                           [](int node) { return node >= 0; });
  }
  return pages;
}

int64_t ReadNumaMaps(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/numa_maps";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char buffer[1024];
  int64_t bytes = 0;
  ssize_t got = 0;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) bytes += got;
  close(fd);
  if (bytes == 0) Die(path + ": cannot be read");
  return bytes;
}

void SetSysAdmin(bool has_it) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  constexpr uint32_t kBit = 1u << CAP_SYS_ADMIN;
  const bool is_read = syscall(SYS_capget, &header, data) == 0;
  data[0].effective = has_it ? data[0].effective | kBit : data[0].effective & ~kBit;
  if (!is_read || syscall(SYS_capset, &header, data) != 0) Die("needs root with all capabilities");
}

}  // namespace numalocality::bench
