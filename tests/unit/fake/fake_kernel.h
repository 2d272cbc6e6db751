// The kernel's side of KernelCalls, with move_pages(2) as mm/migrate.c really does it: statuses
// left unwritten, results that count pages never tried, errors after half of the work.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_KERNEL_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_KERNEL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "agent/os/base/kernel_calls.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/fake_process.h"

namespace numalocality {

enum class FakeCall {
  kMove,
  kQuery,
  kOpenPidFd,
  kThreadCpus,
  kScanPagemap,
  kQueryMapping,
  kCompareMemory,
  kSetThreadCpus,
  kHold
};

struct FakeMemory {
  int64_t total_pages = 0;
  int64_t free_pages = 0;
  // Of the free pages, those that the allocator does not give away (watermarks, other zones).
  int64_t withheld_pages = 0;
  int64_t lowest_free_pages = 0;
  // Clean inactive page cache. The kernel drops it when less than the low watermark would be free,
  // until as much as the high watermark is.
  int64_t cache_pages = 0;
  int64_t low_pages = 0;
  int64_t high_pages = 0;
  bool ran_out = false;           // the allocator has refused a page
  int moves_after_no_memory = 0;  // calls that target this node after that
};

// Thread-safe as KernelCalls; set up before other threads call.
class FakeKernel final : public KernelCalls {
 public:
  explicit FakeKernel(const FakeClock& clock) : clock_(clock) {}

  int MovePages(pid_t pid, absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
                absl::Span<int> status, MoveFlag flag) override;
  int ScanPagemap(int pagemap_fd, const PagemapQuery& query, absl::Span<PagemapRegion> regions,
                  uint64_t& walk_end) override;
  int QueryMapping(int maps_fd, uint64_t address, absl::Span<char> name,
                   MappingRecord& mapping) override;
  absl::StatusOr<std::optional<uint64_t>> ZeroFrame() override;
  absl::StatusOr<std::strong_ordering> CompareMemory(pid_t a, pid_t b) override;
  absl::Status SetThreadCpus(pid_t tid, const CpuSet& cpus) override;
  absl::StatusOr<std::unique_ptr<ProcessHold>> HoldProcess(pid_t pid, int max_threads,
                                                           absl::Duration timeout) override;
  absl::StatusOr<ScopedFd> OpenPidFd(pid_t pid) override;
  absl::StatusOr<CpuSet> ThreadCpus(pid_t tid) override;

  // Thread-safe, unlike access to the process itself.
  bool IsHeld(pid_t pid) const;

  // As from Linux 6.7 on; before, and here by default, there is none.
  void set_has_pagemap_scan(bool has_it) { has_pagemap_scan_ = has_it; }
  // As from Linux 6.11 on.
  void set_has_mapping_query(bool has_it) { has_mapping_query_ = has_it; }
  // The time that reading one mapping takes, by QueryMapping.
  void set_time_per_mapping(absl::Duration time) { time_per_mapping_ = time; }
  // Frame numbers become visible; see FakeMachine::ShowFrames.
  void set_zero_frame(uint64_t frame) { zero_frame_ = frame; }

  // The machine. A process that exits or is replaced stays valid for whoever holds it.
  // Replaces an existing process with the same PID.
  void AddNode(int node, int64_t total_pages, int64_t free_pages);
  void RemoveNode(int node) { memory_.erase(node); }
  FakeMemory& Memory(int node) { return memory_.at(node); }
  const std::map<int, FakeMemory>& memory() const { return memory_; }
  std::shared_ptr<FakeProcess> AddProcess(pid_t pid);
  std::shared_ptr<FakeProcess> Find(pid_t pid) const;  // null if there is none
  // Reaped at once. No such process: nothing happens, here and below.
  void Exit(pid_t pid);
  void BecomeZombie(pid_t pid);

  // Faults. Calls of all kinds are counted together, from 1.
  // Call `number` fails with `error_number`; a moving call after `after_pages` of its pages.
  void FailAt(int number, int error_number, size_t after_pages = 0);
  // Whether all faults and events have happened.
  void ClearFaults();
  // Every call of a kind fails.
  void FailAll(FakeCall kind, int error_number) { broken_[kind] = error_number; }
  // `event` happens just before call `number`, without a lock held.
  void RunAt(int number, std::function<void()> event) { events_[number] = std::move(event); }
  // The same, just before the `number`th call of `kind`.
  void RunAt(FakeCall kind, int number, std::function<void()> event) {
    kind_events_[{kind, number}] = std::move(event);
  }
  // `observer` is shown the nodes after each moving call, one call at a time; it must not call
  // back.
  using MemoryObserver = std::function<void(const std::map<int, FakeMemory>&)>;
  void OnMoved(MemoryObserver observer) { on_moved_ = std::move(observer); }
  // The time that a moving call takes for each of its entries, and besides, also without pages.
  void set_time_per_page(absl::Duration time) { time_per_page_ = time; }
  void set_time_per_call(absl::Duration time) { time_per_call_ = time; }
  void set_time_per_query(absl::Duration time) { time_per_query_ = time; }

  int CallCount(FakeCall kind) const;
  int CallCount() const;           // of all kinds
  int64_t searched_pages() const;  // those that PAGEMAP_SCAN reported so far
  // Queries that a fault has made fail.
  int failed_query_count() const;
  // Calls with an invalid PID.
  int calls_without_pid() const;

 private:
  class Hold;
  struct Fault {
    int error_number;
    size_t after_pages;
  };

  // Counts the call, runs its event, and returns the error with which it must fail, or 0.
  Fault Enter(FakeCall kind, pid_t pid);
  // The process that has thread `tid`; null if there is none.
  FakeProcess* FindByThread(pid_t tid) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static int CheckThread(const FakeProcess* process, pid_t tid);
  int Move(FakeProcess* process, pid_t tid, absl::Span<const uint64_t> addresses,
           absl::Span<const int> nodes, absl::Span<int> status, MoveFlag flag, const Fault& fault)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int Query(const FakeProcess* process, pid_t tid, absl::Span<const uint64_t> addresses,
            absl::Span<int> status) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const FakeClock& clock_;
  mutable Mutex mutex_;
  std::map<int, FakeMemory> memory_;
  std::map<pid_t, std::shared_ptr<FakeProcess>> processes_ ABSL_GUARDED_BY(mutex_);
  int call_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<FakeCall, int> counts_by_kind_ ABSL_GUARDED_BY(mutex_);
  int calls_without_pid_ ABSL_GUARDED_BY(mutex_) = 0;
  int failed_queries_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t searched_pages_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int, Fault> faults_;
  std::map<FakeCall, int> broken_;
  std::map<int, std::function<void()>> events_;
  std::map<std::pair<FakeCall, int>, std::function<void()>> kind_events_;
  MemoryObserver on_moved_;
  bool has_pagemap_scan_ = false;
  bool has_mapping_query_ = false;
  absl::Duration time_per_mapping_;
  std::optional<uint64_t> zero_frame_;
  absl::Duration time_per_page_;
  absl::Duration time_per_call_;
  absl::Duration time_per_query_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_KERNEL_H_
