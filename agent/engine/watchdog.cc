#include "agent/engine/watchdog.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

constexpr absl::Duration kWatchdogPeriod = absl::Seconds(1);

}  // namespace

Watchdog::~Watchdog() { Stop(); }

void Watchdog::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Watchdog::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    begun_.NotifyAll();
    stop_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

int64_t Watchdog::Begin(std::string name) {
  MutexLock lock(mutex_);
  works_[++last_work_].name = std::move(name);
  // While there is other work, the thread looks again within a second.
  if (works_.size() == 1) begun_.NotifyAll();
  return last_work_;
}

void Watchdog::Rename(int64_t work, std::string name) {
  MutexLock lock(mutex_);
  works_.at(work).name = std::move(name);
}

void Watchdog::End(int64_t work) {
  EndCalls(work);
  MutexLock lock(mutex_);
  works_.erase(work);
}

void Watchdog::BeginCall(int64_t work, int worker, std::string call) {
  EndCall(work, worker);
  MutexLock lock(mutex_);
  works_.at(work).calls[worker] = {std::move(call), clock_.Monotonic()};
}

void Watchdog::EndCall(int64_t work, int worker) {
  MutexLock lock(mutex_);
  Work& ended = works_.at(work);
  if (auto it = ended.calls.find(worker); it != ended.calls.end()) Drop(ended, it);
}

void Watchdog::EndCalls(int64_t work) {
  MutexLock lock(mutex_);
  Work& ended = works_.at(work);
  for (auto it = ended.calls.begin(); it != ended.calls.end();) Drop(ended, it);
}

void Watchdog::Drop(Work& work, std::map<int, Call>::iterator& it) const {
  const Call& call = it->second;
  if (call.is_named) {
    LogInfo(absl::StrCat(work.name, ": ", call.text, " has returned after ",
                         absl::FormatDuration(clock_.Monotonic() - call.start)));
  }
  it = work.calls.erase(it);
}

bool Watchdog::HasStalled(int64_t work) const {
  MutexLock lock(mutex_);
  const Call* const call = Oldest(work);
  return call != nullptr && IsStalled(*call);
}

std::string Watchdog::Describe(int64_t work) const {
  MutexLock lock(mutex_);
  return DescribeOldest(work);
}

std::vector<std::string> Watchdog::DescribeAll() const {
  std::vector<std::string> lines;
  MutexLock lock(mutex_);
  for (const auto& [id, work] : works_) {
    lines.push_back(absl::StrCat(work.name, ": ", DescribeOldest(id)));
  }
  return lines;
}

std::string Watchdog::DescribeOldest(int64_t work) const {
  const Call* const call = Oldest(work);
  if (call == nullptr) return "a read of its processes' memory has not returned from the kernel";
  return Describe(*call);
}

std::string Watchdog::Describe(const Call& call) const {
  // In whole seconds: the text is a message that is shown until it changes.
  const absl::Duration since = absl::Trunc(clock_.Monotonic() - call.start, absl::Seconds(1));
  return absl::StrCat(call.text, " has not returned from the kernel for ",
                      absl::FormatDuration(since));
}

const Watchdog::Call* Watchdog::Oldest(int64_t work) const {
  const auto found = works_.find(work);
  if (found == works_.end()) return nullptr;
  const std::map<int, Call>& calls = found->second.calls;
  const auto oldest = std::min_element(
      calls.begin(), calls.end(),
      [](const auto& a, const auto& b) { return a.second.start < b.second.start; });
  return oldest == calls.end() ? nullptr : &oldest->second;
}

std::vector<StalledCall> Watchdog::Stalled() const {
  std::vector<StalledCall> stalled;
  MutexLock lock(mutex_);
  for (const auto& [id, work] : works_) {
    for (const auto& [worker, call] : work.calls) {
      if (!IsStalled(call)) continue;
      stalled.push_back({work.name, call.text, clock_.Now() - (clock_.Monotonic() - call.start)});
    }
  }
  return stalled;
}

void Watchdog::Check() {
  MutexLock lock(mutex_);
  for (auto& [id, work] : works_) {
    for (auto& [worker, call] : work.calls) {
      if (call.is_named || !IsStalled(call)) continue;
      call.is_named = true;
      LogWarning(absl::StrCat(work.name, ": ", Describe(call)));
    }
  }
}

void Watchdog::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (works_.empty() && !stopping_) begun_.Wait(mutex_);
      if (!stopping_) stop_.WaitFor(mutex_, kWatchdogPeriod);
      if (stopping_) return;
    }
    Check();
    each_second_();
  }
}

}  // namespace numalocality
