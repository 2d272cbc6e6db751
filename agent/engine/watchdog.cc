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
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

int64_t Watchdog::Begin(std::string name) {
  MutexLock lock(mutex_);
  works_[++last_work_].name = std::move(name);
  // While there is other work, the thread looks again within a second.
  if (works_.size() == 1) changed_.NotifyAll();
  return last_work_;
}

void Watchdog::End(int64_t work) {
  MutexLock lock(mutex_);
  works_.erase(work);
}

void Watchdog::BeginCall(int64_t work, int worker, std::string call) {
  MutexLock lock(mutex_);
  works_.at(work).calls[worker] = {std::move(call), clock_.Monotonic()};
}

void Watchdog::EndCall(int64_t work, int worker) {
  MutexLock lock(mutex_);
  works_.at(work).calls.erase(worker);
}

void Watchdog::EndCalls(int64_t work) {
  MutexLock lock(mutex_);
  works_.at(work).calls.clear();
}

bool Watchdog::HasStalled(int64_t work) const {
  MutexLock lock(mutex_);
  const Call* const call = Oldest(work);
  return call != nullptr && clock_.Monotonic() - call->start > kStalledAfter;
}

std::string Watchdog::Describe(int64_t work) const {
  MutexLock lock(mutex_);
  const Call* const call = Oldest(work);
  if (call == nullptr) return "a read of its processes' memory has not returned from the kernel";
  return Describe(*call);
}

std::string Watchdog::Describe(const Call& call) const {
  return absl::StrCat(call.text, " has not returned from the kernel for ",
                      absl::FormatDuration(clock_.Monotonic() - call.start));
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

void Watchdog::Check() {
  MutexLock lock(mutex_);
  for (auto& [id, work] : works_) {
    for (auto& [worker, call] : work.calls) {
      if (call.is_named || clock_.Monotonic() - call.start <= kStalledAfter) continue;
      call.is_named = true;
      LogWarning(absl::StrCat(work.name, ": ", Describe(call)));
    }
  }
}

void Watchdog::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (works_.empty() && !stopping_) changed_.Wait(mutex_);
      if (!stopping_) changed_.WaitFor(mutex_, kWatchdogPeriod);
      if (stopping_) return;
    }
    Check();
    each_second_();
  }
}

}  // namespace numalocality
