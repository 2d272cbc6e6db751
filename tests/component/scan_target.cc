#include "tests/component/scan_target.h"

#include <fcntl.h>
#include <numa.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "agent/os/act/system_kernel_calls.h"

namespace numalocality {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kHuge = uint64_t{2} << 20;
constexpr uint64_t kMostPages = 65536;
constexpr uint64_t kMostRanges = 4096;

// Results of the child process, in memory that it shares with the test.
struct Report {
  std::atomic<bool> is_ready;
  uint64_t page_count;
  uint64_t range_count;
  AddressRange ranges[kMostRanges];
  AddressRange huge;
  uint64_t pages[kMostPages];
  MemoryKind kinds[kMostPages];
};

Report* report = nullptr;

void Die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

// Maps memory at a multiple of the huge page size, with unmapped memory around it.
uint64_t Map(uint64_t bytes, int protection, int flags, int fd = -1) {
  static uint64_t next = uint64_t{0x200000000000};
  const uint64_t address = next;
  next += (bytes + 2 * kHuge) / kHuge * kHuge + kHuge;
  void* memory =
      mmap(reinterpret_cast<void*>(address), bytes, protection, flags | MAP_FIXED_NOREPLACE, fd, 0);
  if (memory == MAP_FAILED) Die("mmap");
  report->ranges[report->range_count++] = {address, address + bytes};
  return address;
}

volatile char& At(uint64_t address) { return *reinterpret_cast<volatile char*>(address); }

void Read(uint64_t address) {
  const char content = At(address);
  (void)content;
}

void Expect(uint64_t address, MemoryKind kind) {
  report->pages[report->page_count] = address;
  report->kinds[report->page_count++] = kind;
}

void Write(uint64_t address, MemoryKind kind) {
  At(address) = 1;
  Expect(address, kind);
}

int Memory(uint64_t bytes) {
  const int fd = memfd_create("scan", 0);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0) Die("memfd");
  return fd;
}

// No huge pages now, and none by khugepaged later.
void KeepBasePages(uint64_t start, uint64_t bytes) {
  if (madvise(reinterpret_cast<void*>(start), bytes, MADV_NOHUGEPAGE) != 0) Die("madvise");
}

// Whether memory that is only read is mapped to a zero page that all processes share. Some kernels
// of virtual machines give each such page a frame of its own.
bool HasZeroPage() {
  const auto frame = SystemKernelCalls().ZeroFrame();
  return !frame.ok() || frame->has_value();
}

// Reads untouched memory.
void ReadZero(uint64_t address) {
  static const bool has_zero_page = HasZeroPage();
  Read(address);
  if (!has_zero_page) Expect(address, MemoryKind::kAnon);
}

// Base pages: all, every third, with zero pages in between, unreadable ones; on all nodes in turn.
void MakeBasePages() {
  constexpr uint64_t kUnreadable = 300;
  numa_set_interleave_mask(numa_all_nodes_ptr);
  constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
  const uint64_t dense = Map(9000 * kPage, PROT_READ | PROT_WRITE, kPrivate);
  const uint64_t sparse = Map(9000 * kPage, PROT_READ | PROT_WRITE, kPrivate);
  const uint64_t zeros = Map(5000 * kPage, PROT_READ | PROT_WRITE, kPrivate);
  const uint64_t closed = Map(kUnreadable * kPage, PROT_READ | PROT_WRITE, kPrivate);
  Map(uint64_t{1} << 36, PROT_READ | PROT_WRITE, kPrivate | MAP_NORESERVE);  // never touched
  KeepBasePages(dense, 9000 * kPage);
  KeepBasePages(sparse, 9000 * kPage);
  KeepBasePages(zeros, 5000 * kPage);
  KeepBasePages(closed, kUnreadable * kPage);
  for (uint64_t i = 0; i < 9000; ++i) Write(dense + i * kPage, MemoryKind::kAnon);
  for (uint64_t i = 0; i < 9000; i += 3) Write(sparse + i * kPage, MemoryKind::kAnon);
  for (uint64_t i = 0; i < 5000; ++i) {
    if (i % 5 != 0) {
      ReadZero(zeros + i * kPage);
    } else {
      Write(zeros + i * kPage, MemoryKind::kAnon);
    }
  }
  for (uint64_t i = 0; i < kUnreadable; ++i) Write(closed + i * kPage, MemoryKind::kAnon);
  if (mprotect(reinterpret_cast<void*>(closed), kUnreadable * kPage, PROT_NONE) != 0) {
    Die("mprotect");
  }
  numa_set_localalloc();
}

// Adjacent mappings of three pages that the kernel does not merge.
void MakeManyMappings() {
  const uint64_t start = Map(3000 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  for (uint64_t i = 0; i < 3000; ++i) Write(start + i * kPage, MemoryKind::kAnon);
  for (uint64_t i = 0; i < 3000; i += 6) {
    mprotect(reinterpret_cast<void*>(start + i * kPage), 3 * kPage, PROT_READ);
  }
}

void MakeHugePages() {
  constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
  constexpr uint64_t kCount = 40;
  const uint64_t huge = Map(kCount * kHuge, PROT_READ | PROT_WRITE, kPrivate);
  const uint64_t zeros = Map(3 * kHuge, PROT_READ | PROT_WRITE, kPrivate);
  const uint64_t torn = Map(2 * kHuge, PROT_READ | PROT_WRITE, kPrivate);
  const uint64_t closed = Map(2 * kHuge, PROT_READ | PROT_WRITE, kPrivate);
  for (const AddressRange& range :
       {AddressRange{huge, huge + kCount * kHuge}, AddressRange{zeros, zeros + 3 * kHuge},
        AddressRange{torn, torn + 2 * kHuge}, AddressRange{closed, closed + 2 * kHuge}}) {
    madvise(reinterpret_cast<void*>(range.start), range.size(), MADV_HUGEPAGE);
  }
  for (uint64_t i = 0; i < kCount * kHuge; i += kPage) Write(huge + i, MemoryKind::kAnon);
  for (uint64_t i = 0; i < 3 * kHuge; i += kPage) ReadZero(zeros + i);
  for (uint64_t i = 0; i < 2 * kHuge; i += kPage) At(torn + i) = 1;
  for (uint64_t i = 0; i < 2 * kHuge; i += kPage) Write(closed + i, MemoryKind::kAnon);
  if (mprotect(reinterpret_cast<void*>(closed), 2 * kHuge, PROT_NONE) != 0) Die("mprotect");
  // Removes a page of the first, and write access from a page of the second: both are then mapped
  // as base pages.
  madvise(reinterpret_cast<void*>(torn + 7 * kPage), kPage, MADV_DONTNEED);
  mprotect(reinterpret_cast<void*>(torn + kHuge + 7 * kPage), kPage, PROT_READ);
  KeepBasePages(torn, 2 * kHuge);
  for (uint64_t i = 0; i < 2 * kHuge; i += kPage) {
    if (i != 7 * kPage) Expect(torn + i, MemoryKind::kAnon);
  }
  report->huge = {huge, huge + kCount * kHuge};
}

void MakeObjects() {
  const uint64_t shared = Map(100 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, Memory(100 * kPage));
  for (uint64_t i = 0; i < 100; i += 2) Write(shared + i * kPage, MemoryKind::kShmem);
  // Pages of the object, anonymous copies, and holes.
  const int fd = Memory(90 * kPage);
  const uint64_t object = Map(90 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  for (uint64_t i = 0; i < 90; ++i) Write(object + i * kPage, MemoryKind::kShmem);
  const uint64_t copies = Map(90 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
  for (uint64_t i = 0; i < 90; i += 2) Write(copies + i * kPage, MemoryKind::kAnon);
  // The program itself, read page by page to avoid readahead into the mapping.
  const int program = open("/proc/self/exe", O_RDONLY);
  const uint64_t file = Map(64 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, program);
  for (uint64_t i = 0; i < 64; i += 2) Write(file + i * kPage, MemoryKind::kAnon);
}

[[noreturn]] void Live() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  MakeBasePages();
  MakeManyMappings();
  MakeHugePages();
  MakeObjects();
  if (setuid(65534) != 0) Die("setuid");
  prctl(PR_SET_DUMPABLE, 1);  // so that /proc shows that user as its owner
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  report->is_ready = true;
  for (;;) pause();
}

}  // namespace

ScanTarget::ScanTarget() {
  void* memory =
      mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) Die("mmap");
  report = static_cast<Report*>(memory);
  pid_ = fork();
  if (pid_ == 0) Live();
  while (!report->is_ready) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) Die("the process to scan");
    usleep(1000);
  }
}

ScanTarget::~ScanTarget() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  munmap(report, sizeof(Report));
}

std::vector<AddressRange> ScanTarget::ranges() const {
  return {report->ranges, report->ranges + report->range_count};
}

AddressRange ScanTarget::huge() const { return report->huge; }

std::map<uint64_t, MemoryKind> ScanTarget::resident() const {
  std::map<uint64_t, MemoryKind> pages;
  for (uint64_t i = 0; i < report->page_count; ++i) pages[report->pages[i]] = report->kinds[i];
  return pages;
}

}  // namespace numalocality
