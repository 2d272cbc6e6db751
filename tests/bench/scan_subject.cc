#include "tests/bench/scan_subject.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace numalocality::bench {
namespace {

constexpr uint64_t kHuge = uint64_t{2} << 20;
constexpr uint64_t kReserved = uint64_t{256} << 30;
constexpr uint64_t kPieces = 64;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

void* Map(uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) Die("bench-scan: mmap");
  return memory;
}

AddressRange MakeMemory(Layout layout, uint64_t resident) {
  const uint64_t bytes = layout == Layout::kSparse ? kReserved : resident;
  auto start = reinterpret_cast<uint64_t>(Map(bytes + kHuge));
  start = (start + kHuge - 1) / kHuge * kHuge;
  const int advice = layout == Layout::kHugePages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
  madvise(reinterpret_cast<void*>(start), bytes, advice);
  const uint64_t pieces = layout == Layout::kSparse ? kPieces : 1;
  for (uint64_t i = 0; i < pieces; ++i) {
    std::memset(reinterpret_cast<void*>(start + i * (bytes / pieces)), 1, resident / pieces);
  }
  return {start, start + bytes};
}

}  // namespace

struct ScanSubject::Shared {
  std::atomic<bool> is_ready = false;
  std::atomic<bool> has_canary = false;
  std::atomic<int64_t> longest_nanoseconds = 0;
  AddressRange range;
};

ScanSubject::ScanSubject(Layout layout, uint64_t resident_bytes) {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) Die("bench-scan: mmap");
  shared_ = new (memory) Shared;
  pid_ = fork();
  if (pid_ < 0) Die("bench-scan: fork");
  if (pid_ == 0) Live(layout, resident_bytes);
  while (!shared_->is_ready) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) {
      std::fputs("bench-scan: the process to scan has ended: is there enough memory?\n", stderr);
      std::_Exit(1);
    }
    usleep(10000);
  }
}

ScanSubject::~ScanSubject() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  munmap(shared_, sizeof(Shared));
}

void ScanSubject::Live(Layout layout, uint64_t resident_bytes) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  shared_->range = MakeMemory(layout, resident_bytes);
  shared_->is_ready = true;
  while (!shared_->has_canary) usleep(10000);
  using Time = std::chrono::steady_clock;
  for (;;) {
    const Time::time_point before = Time::now();
    void* page = Map(4096);
    const int64_t took = std::chrono::nanoseconds(Time::now() - before).count();
    munmap(page, 4096);
    int64_t longest = shared_->longest_nanoseconds;
    while (took > longest && !shared_->longest_nanoseconds.compare_exchange_weak(longest, took)) {
    }
  }
}

AddressRange ScanSubject::range() const { return shared_->range; }

void ScanSubject::StartCanary() {
  shared_->has_canary = true;
  usleep(50000);
  TakeLongestStall();
}

absl::Duration ScanSubject::TakeLongestStall() {
  return absl::Nanoseconds(shared_->longest_nanoseconds.exchange(0));
}

}  // namespace numalocality::bench
