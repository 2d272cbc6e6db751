// A process of the fake kernel: its folios, their nodes, and the obstacles to moving them.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_PROCESS_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_PROCESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/base/file.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// Tests that are built for it run on a machine of larger pages.
#ifdef FAKE_PAGE_BYTES
inline constexpr uint64_t kFakePage = FAKE_PAGE_BYTES;
#else
inline constexpr uint64_t kFakePage = 4096;
#endif
inline constexpr int kFakeHugePages = 512;
inline constexpr uint64_t kFakeHuge = kFakeHugePages * kFakePage;

// The tmpfs at /dev/shm, and the kernel's own one.
inline constexpr DeviceId kFakeShm = {0, 25};
inline constexpr DeviceId kFakeHugetlb = {0, 26};

// What the kernel moves as a whole: a base page, or a transparent huge page.
struct FakeFolio {
  int node = 0;
  int pages = 1;
  bool pinned = false;     // carries an extra reference
  bool shared = false;     // mapped by other processes, too
  bool zero_page = false;  // present in pagemap, yet no memory of the process
  bool swapped = false;    // known to pagemap, not present
  bool file = false;       // pagemap's bit 61: page cache or shmem
  int busy_attempts = 0;   // isolation fails this many times
  bool hidden = false;     // PROT_NONE, before Linux 6.6
  bool stays = false;      // the kernel says where it is, and leaves it there
  bool isolated = false;   // queued by the call in progress
};

struct FakeMapping {
  AddressRange range;
  std::string path;  // as in /proc/PID/maps; may be empty
  bool is_shared = false;
  FileId file = {};  // inode 0: none
};

struct FakeProcess {
  pid_t pid = 0;
  uint64_t start_ticks = 1000;
  std::string command = "worker";
  std::string cgroup = "/";
  bool is_zombie = false;
  bool main_thread_has_ended = false;  // the others live on
  uint64_t stack_start = 0;            // the same where one process forked the other
  NodeSet allowed_nodes;
  std::map<pid_t, CpuSet> threads;
  pid_t memory_of = 0;  // not 0: it shares that process's address space
  std::vector<FakeMapping> mappings;
  std::map<uint64_t, std::shared_ptr<FakeFolio>> pages;  // by base page address
  ScopedFd exit_event;                                   // readable once it has exited
  bool is_held = false;
  int hold_count = 0;        // so far
  int moves_while_held = 0;  // moving calls
  int moves_while_running = 0;

  // Maps and fills [start, start + count pages) with base pages on `node`; shared memory if the
  // path is below /dev/shm.
  void AddPages(uint64_t start, int count, int node, const std::string& path = "");
  // Maps and fills [start, start + count * 2 MiB) with huge pages on `node`.
  void AddHugePages(uint64_t start, int count, int node);
  // Maps without filling.
  void AddHole(uint64_t start, int count, const std::string& path = "");

  FakeFolio& At(uint64_t address) { return *pages.at(address); }
  bool IsMapped(uint64_t address) const;
  // The first status that move_pages determines for the page at `address`: 0, -ENOENT or -EFAULT.
  int Deny(uint64_t address) const;
  // Whether its thread `tid` has not ended.
  bool HasMemory(pid_t tid) const { return !is_zombie && (tid != pid || !main_thread_has_ended); }
  // Resident base pages on `node`.
  int64_t PagesOn(int node) const;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_PROCESS_H_
