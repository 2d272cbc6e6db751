#include "tests/unit/fake/fake_kernel.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/base/status.h"
#include "agent/os/act/page_mover.h"
#include "tests/unit/fake/fake_move.h"
#include "tests/unit/fake/fake_pagemap.h"

namespace numalocality {

int FakeKernel::MovePages(pid_t pid, absl::Span<const uint64_t> addresses,
                          absl::Span<const int> nodes, absl::Span<int> status, MoveFlag flag) {
  if (!nodes.empty() && addresses.size() == 1 && addresses[0] == PageMover::kNeverMapped) {
    // It asks only for the time that it takes, so it does not count as a call.
    clock_.Advance(time_per_call_);
    MutexLock lock(mutex_);
    return Move(FindByThread(pid), pid, addresses, nodes, status, flag, {0, 0});
  }
  const Fault fault = Enter(nodes.empty() ? FakeCall::kQuery : FakeCall::kMove, pid);
  MutexLock lock(mutex_);
  FakeProcess* process = FindByThread(pid);
  if (nodes.empty()) {
    clock_.Advance(time_per_query_);
    failed_queries_ += fault.error_number != 0;
    return fault.error_number != 0 ? -fault.error_number : Query(process, pid, addresses, status);
  }
  if (process != nullptr) {
    ++(process->is_held ? process->moves_while_held : process->moves_while_running);
  }
  const int result = Move(process, pid, addresses, nodes, status, flag, fault);
  if (const auto target = memory_.find(nodes.front()); target != memory_.end()) {
    target->second.moves_after_no_memory += target->second.ran_out;
    target->second.ran_out |= result == -ENOMEM;
  }
  clock_.Advance(time_per_call_ + time_per_page_ * static_cast<int64_t>(addresses.size()));
  if (on_moved_) on_moved_(memory_);
  return result;
}

FakeProcess* FakeKernel::FindByThread(pid_t tid) const {
  if (const auto found = processes_.find(tid); found != processes_.end()) {
    return found->second.get();
  }
  for (const auto& [pid, process] : processes_) {
    if (process->threads.contains(tid)) return process.get();
  }
  return nullptr;
}

int FakeKernel::CheckThread(const FakeProcess* process, pid_t tid) {
  if (process == nullptr) return -ESRCH;
  return process->HasMemory(tid) ? 0 : -EINVAL;
}

int FakeKernel::Move(FakeProcess* process, pid_t tid, absl::Span<const uint64_t> addresses,
                     absl::Span<const int> nodes, absl::Span<int> status, MoveFlag flag,
                     const Fault& fault) {
  if (fault.error_number != 0 && fault.after_pages == 0) return -fault.error_number;
  if (const int error = CheckThread(process, tid); error != 0) return error;
  return FakeMove(*process, memory_, addresses, nodes, status, flag)
      .Run(fault.after_pages, fault.error_number);
}

int FakeKernel::Query(const FakeProcess* process, pid_t tid, absl::Span<const uint64_t> addresses,
                      absl::Span<int> status) const {
  if (const int error = CheckThread(process, tid); error != 0) return error;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const int error = process->Deny(addresses[i]);
    status[i] = error != 0 ? error : process->pages.at(addresses[i])->node;
  }
  return 0;
}

absl::StatusOr<ScopedFd> FakeKernel::OpenPidFd(pid_t pid) {
  const Fault fault = Enter(FakeCall::kOpenPidFd, pid);
  if (pid <= 0) return absl::InvalidArgumentError("not a PID");
  if (fault.error_number != 0) return ErrnoStatus(fault.error_number, "open process");
  MutexLock lock(mutex_);
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return ErrnoStatus(ESRCH, "open process");
  return ScopedFd(dup(found->second->exit_event.get()));
}

absl::StatusOr<CpuSet> FakeKernel::ThreadCpus(pid_t tid) {
  const Fault fault = Enter(FakeCall::kThreadCpus, tid);
  if (fault.error_number != 0) return ErrnoStatus(fault.error_number, "affinity");
  MutexLock lock(mutex_);
  for (const auto& [pid, process] : processes_) {
    if (const auto thread = process->threads.find(tid); thread != process->threads.end()) {
      return thread->second;
    }
  }
  return ErrnoStatus(ESRCH, "affinity");
}

int FakeKernel::ScanPagemap(int pagemap_fd, const PagemapQuery& query,
                            absl::Span<PagemapRegion> regions, uint64_t& walk_end) {
  const pid_t pid = ProcessOf(pagemap_fd);
  const Fault fault = Enter(FakeCall::kScanPagemap, pid);
  if (fault.error_number != 0) return -fault.error_number;
  if (!has_pagemap_scan_) return -ENOTTY;
  MutexLock lock(mutex_);
  const FakeProcess* process = FindByThread(pid);
  if (process == nullptr) return -ESRCH;
  const int count = FakeScan(*process, query, regions, walk_end);
  for (const PagemapRegion& region : regions.first(static_cast<size_t>(count))) {
    searched_pages_ += static_cast<int64_t>((region.end - region.start) / kFakePage);
  }
  return count;
}

int FakeKernel::QueryMapping(int maps_fd, uint64_t address, absl::Span<char> name,
                             MappingRecord& mapping) {
  const pid_t tid = ProcessOf(maps_fd);
  const Fault fault = Enter(FakeCall::kQueryMapping, tid);
  if (fault.error_number != 0) return -fault.error_number;
  if (!has_mapping_query_) return -ENOTTY;
  clock_.Advance(time_per_mapping_);
  MutexLock lock(mutex_);
  const FakeProcess* process = FindByThread(tid);
  if (process == nullptr || !process->HasMemory(tid)) return -ESRCH;
  const auto found = std::partition_point(
      process->mappings.begin(), process->mappings.end(),
      [&](const FakeMapping& candidate) { return candidate.range.end <= address; });
  if (found == process->mappings.end()) return -ENOENT;
  if (!name.empty()) {
    if (found->path.size() >= name.size()) return -ENAMETOOLONG;
    name[found->path.copy(name.data(), found->path.size())] = '\0';
  }
  mapping = {found->range, found->is_shared, found->file.device.major, found->file.device.minor,
             found->file.inode};
  return 0;
}

absl::StatusOr<std::optional<uint64_t>> FakeKernel::ZeroFrame() {
  if (zero_frame_.has_value()) return *zero_frame_;
  return absl::PermissionDeniedError("frame numbers are hidden");
}

absl::StatusOr<std::strong_ordering> FakeKernel::CompareMemory(pid_t a, pid_t b) {
  const Fault fault = Enter(FakeCall::kCompareMemory, a);
  if (fault.error_number != 0) return ErrnoStatus(fault.error_number, "compare memory");
  MutexLock lock(mutex_);
  const FakeProcess* first = FindByThread(a);
  const FakeProcess* second = FindByThread(b);
  if (first == nullptr || second == nullptr) return ErrnoStatus(ESRCH, "compare memory");
  // The order does not depend on PIDs, as in the kernel. Processes without memory compare equal.
  const auto key = [](const FakeProcess& process, pid_t tid) {
    if (!process.HasMemory(tid)) return 0u;
    return static_cast<uint32_t>(process.memory_of != 0 ? process.memory_of : process.pid) *
           2654435761u;
  };
  return key(*first, a) <=> key(*second, b);
}

absl::Status FakeKernel::SetThreadCpus(pid_t tid, const CpuSet& cpus) {
  const Fault fault = Enter(FakeCall::kSetThreadCpus, tid);
  if (fault.error_number != 0) return ErrnoStatus(fault.error_number, "set affinity");
  MutexLock lock(mutex_);
  for (const auto& [pid, process] : processes_) {
    if (const auto thread = process->threads.find(tid); thread != process->threads.end()) {
      thread->second = cpus;
      return absl::OkStatus();
    }
  }
  return ErrnoStatus(ESRCH, "set affinity");
}

class FakeKernel::Hold final : public ProcessHold {
 public:
  Hold(FakeKernel& kernel, std::shared_ptr<FakeProcess> process)
      : kernel_(kernel), process_(std::move(process)) {}
  ~Hold() override {
    MutexLock lock(kernel_.mutex_);
    process_->is_held = false;
  }

 private:
  FakeKernel& kernel_;
  const std::shared_ptr<FakeProcess> process_;
};

absl::StatusOr<std::unique_ptr<ProcessHold>> FakeKernel::HoldProcess(pid_t pid, int max_threads,
                                                                     absl::Duration) {
  const Fault fault = Enter(FakeCall::kHold, pid);
  if (fault.error_number != 0) return ErrnoStatus(fault.error_number, "hold");
  MutexLock lock(mutex_);
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second->is_zombie) return ErrnoStatus(ESRCH, "hold");
  FakeProcess& process = *found->second;
  if (process.is_held) return absl::FailedPreconditionError("hold: it is traced already");
  if (process.threads.size() > static_cast<size_t>(max_threads)) {
    return absl::FailedPreconditionError("hold: too many threads");
  }
  process.is_held = true;
  ++process.hold_count;
  return std::make_unique<Hold>(*this, found->second);
}

bool FakeKernel::IsHeld(pid_t pid) const {
  MutexLock lock(mutex_);
  const auto found = processes_.find(pid);
  return found != processes_.end() && found->second->is_held;
}

void FakeKernel::AddNode(int node, int64_t total_pages, int64_t free_pages) {
  FakeMemory memory;
  memory.total_pages = total_pages;
  memory.free_pages = memory.lowest_free_pages = free_pages;
  memory_[node] = memory;
}

std::shared_ptr<FakeProcess> FakeKernel::AddProcess(pid_t pid) {
  auto process = std::make_shared<FakeProcess>();
  process->pid = pid;
  process->stack_start = 0x7fff00000000 + static_cast<uint64_t>(pid) * 16;
  process->exit_event = ScopedFd(eventfd(0, EFD_CLOEXEC));
  MutexLock lock(mutex_);
  processes_[pid] = process;
  return process;
}

std::shared_ptr<FakeProcess> FakeKernel::Find(pid_t pid) const {
  MutexLock lock(mutex_);
  const auto found = processes_.find(pid);
  return found == processes_.end() ? nullptr : found->second;
}

void FakeKernel::Exit(pid_t pid) {
  BecomeZombie(pid);
  MutexLock lock(mutex_);
  processes_.erase(pid);
}

void FakeKernel::BecomeZombie(pid_t pid) {
  MutexLock lock(mutex_);
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  found->second->is_zombie = true;
  eventfd_write(found->second->exit_event.get(), 1);
}

void FakeKernel::FailAt(int number, int error_number, size_t after_pages) {
  faults_[number] = {error_number, after_pages};
}

void FakeKernel::ClearFaults() {
  faults_.clear();
  events_.clear();
  kind_events_.clear();
}

FakeKernel::Fault FakeKernel::Enter(FakeCall kind, pid_t pid) {
  int number = 0;
  int number_of_kind = 0;
  {
    MutexLock lock(mutex_);
    calls_without_pid_ += pid <= 0;
    number = ++call_count_;
    number_of_kind = ++counts_by_kind_[kind];
  }
  if (const auto event = events_.find(number); event != events_.end()) event->second();
  if (const auto event = kind_events_.find({kind, number_of_kind}); event != kind_events_.end()) {
    event->second();
  }
  if (const auto broken = broken_.find(kind); broken != broken_.end()) return {broken->second, 0};
  const auto fault = faults_.find(number);
  return fault == faults_.end() ? Fault{0, 0} : fault->second;
}

int FakeKernel::CallCount(FakeCall kind) const {
  MutexLock lock(mutex_);
  const auto count = counts_by_kind_.find(kind);
  return count == counts_by_kind_.end() ? 0 : count->second;
}

int FakeKernel::CallCount() const {
  MutexLock lock(mutex_);
  return call_count_;
}

int64_t FakeKernel::searched_pages() const {
  MutexLock lock(mutex_);
  return searched_pages_;
}

int FakeKernel::failed_query_count() const {
  MutexLock lock(mutex_);
  return failed_queries_;
}

int FakeKernel::calls_without_pid() const {
  MutexLock lock(mutex_);
  return calls_without_pid_;
}

}  // namespace numalocality
