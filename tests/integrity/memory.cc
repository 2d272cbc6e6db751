#include "tests/integrity/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/integrity/fail.h"

namespace numalocality::integrity {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;

char* Reserve(size_t bytes) {
  // Room for the alignment and for a guard at both ends; what stays PROT_NONE costs no memory.
  const size_t reserved_bytes = bytes + 2 * kHugePageBytes;
  void* base =
      mmap(nullptr, reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) FailErrno("mmap of " + std::to_string(reserved_bytes) + " bytes");
  const auto address = reinterpret_cast<uintptr_t>(base);
  return static_cast<char*>(base) + (kHugePageBytes - address % kHugePageBytes);
}

void Advise(char* start, size_t bytes, HugePages huge_pages) {
  if (huge_pages == HugePages::kAlways) {
    if (madvise(start, bytes, MADV_HUGEPAGE) == 0) return;
    FailErrno(
        "--thp always: madvise(MADV_HUGEPAGE); does this kernel have transparent huge pages?");
  }
  // EINVAL: a kernel without transparent huge pages, which is what was asked for.
  if (madvise(start, bytes, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) {
    FailErrno("--thp never: madvise(MADV_NOHUGEPAGE)");
  }
}

void Touch(const void* page) { *static_cast<const volatile char*>(page); }

}  // namespace

Memory::Memory(size_t page_count, HugePages huge_pages, Sharing sharing) : versions_(page_count) {
  const size_t bytes = page_count * kPageBytes;
  char* start = Reserve(bytes);
  const int kind = sharing == Sharing::kMapping ? MAP_SHARED : MAP_PRIVATE;
  if (mmap(start, bytes, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
      start) {
    FailErrno("mmap of " + std::to_string(bytes) + " bytes");
  }
  Advise(start, bytes, huge_pages);
  start_ = reinterpret_cast<uint64_t*>(start);
}

void Memory::MapAll() const {
  for (size_t i = 0; i < page_count(); ++i) Touch(page(i));
}

void Memory::Read(size_t page, size_t first, std::span<uint64_t> words) const {
  uint64_t* source = this->page(page) + first;
  for (size_t i = 0; i < words.size(); ++i) {
    words[i] = std::atomic_ref<uint64_t>(source[i]).load(std::memory_order_acquire);
  }
}

void Memory::Write(size_t page, size_t first, std::span<const uint64_t> words) {
  uint64_t* target = this->page(page) + first;
  for (size_t i = 0; i < words.size(); ++i) {
    std::atomic_ref<uint64_t>(target[i]).store(words[i], std::memory_order_release);
  }
}

void MapFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) FailErrno("--map " + path);
  const auto bytes = static_cast<size_t>(status.st_size);
  void* start = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED)
    FailErrno("--map " + path + ": mmap of " + std::to_string(bytes) + " bytes");
  close(fd);
  for (size_t offset = 0; offset < bytes; offset += kPageBytes) {
    Touch(static_cast<char*>(start) + offset);
  }
}

}  // namespace numalocality::integrity
