#include "agent/engine/workload/name_directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

// So often the log tells when a source is lost and found again, and not each time it is asked.
void LogTransition(const SourceStatus& status, const absl::Status& before) {
  if (status.last_read.ok() && !before.ok()) {
    LogInfo(absl::StrCat("source of names answers source=", status.id, " at=", status.address));
  }
  if (!status.last_read.ok() && !status.IsAbsent() && (before.ok() || status.error_count == 1)) {
    LogWarning(absl::StrCat("source of names fails source=", status.id, " at=", status.address,
                            " error=\"", LogSafe(status.last_read.message()), "\""));
  }
}

}  // namespace

NameDirectory::NameDirectory(std::vector<std::unique_ptr<NameSource>> sources, const Clock& clock)
    : clock_(clock), random_(std::random_device()()) {
  for (auto& source : sources) {
    Entry entry;
    entry.status.name = source->name();
    entry.status.id = source->id();
    entry.status.address = source->address();
    entry.source = std::move(source);
    entries_.push_back(std::move(entry));
  }
}

void NameDirectory::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const Entry& entry : entries_) entry.source->Cancel();
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void NameDirectory::Start() {
  thread_ = std::thread([this] { Run(); });
}

void NameDirectory::Run() {
  while (true) {
    ReadAll();
    MutexLock lock(mutex_);
    if (stopping_) return;
    absl::Duration next = clock_.Monotonic() + kPeriod;
    for (const Entry& entry : entries_) next = std::min(next, entry.next_start);
    const absl::Duration wait = next - clock_.Monotonic();
    if (wait > absl::ZeroDuration()) wake_.WaitFor(mutex_, wait);
  }
}

void NameDirectory::ReadAll() {
  size_t count = 0;
  {
    MutexLock lock(mutex_);
    count = entries_.size();
  }
  bool changed = false;
  for (size_t i = 0; i < count; ++i) changed |= ReadIfDue(i);
  if (changed && on_change_) on_change_();
}

bool NameDirectory::ReadIfDue(size_t index) {
  NameSource* source = nullptr;
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[index];
    if (stopping_ || entry.next_start > clock_.Monotonic()) return false;
    entry.last_start = clock_.Monotonic();
    // A nudge during the reading, which may be too late for it, makes this less.
    entry.next_start = absl::InfiniteDuration();
    source = entry.source.get();
  }
  const auto told = source->Read();
  MutexLock lock(mutex_);
  return !stopping_ && TakeIn(index, told);
}

bool NameDirectory::TakeIn(size_t index, const absl::StatusOr<std::vector<KnownContainer>>& told) {
  Entry& entry = entries_[index];
  const absl::Duration now = clock_.Monotonic();
  const absl::Status before = std::exchange(entry.status.last_read, told.status());
  if (told.ok()) {
    entry.status.last_success = clock_.Now();
    entry.retry.Reset();
    entry.next_start = std::min(entry.next_start, now + WithJitter(kPeriod, random_));
  } else {
    entry.next_start = now + entry.retry.Next(random_);
    if (!entry.status.IsAbsent()) ++entry.status.error_count;
  }
  LogTransition(entry.status, before);
  return told.ok() && known_.Learn(index, *told, now);
}

void NameDirectory::Nudge() {
  MutexLock lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.status.last_read.ok()) {
      entry.next_start = std::min(entry.next_start, entry.last_start + kShortest);
    }
  }
  wake_.NotifyAll();
}

ContainerNames NameDirectory::NamesOf(const ContainerRef& container) const {
  MutexLock lock(mutex_);
  return known_.NamesOf(container);
}

ContainerDescription NameDirectory::Describe(const ContainerRef& container) const {
  MutexLock lock(mutex_);
  return known_.Describe(container);
}

std::vector<SourceStatus> NameDirectory::Status() const {
  MutexLock lock(mutex_);
  std::vector<SourceStatus> result;
  for (const Entry& entry : entries_) result.push_back(entry.status);
  return result;
}

}  // namespace numalocality
