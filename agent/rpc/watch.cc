#include "agent/rpc/watch.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/rpc/call_limits.h"

namespace numalocality {

WatchPump::WatchPump(std::function<void()> wait, absl::Duration heartbeat)
    : wait_(std::move(wait)), heartbeat_(heartbeat), thread_([this] { Run(); }) {}

WatchPump::~WatchPump() {
  {
    MutexLock lock(mutex_);
    has_ended_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

absl::Status WatchPump::Add(std::shared_ptr<PumpedWatch> watch) {
  MutexLock lock(mutex_);
  if (stopped_) return absl::UnavailableError("the agent stops; watch again when it has restarted");
  if (watches_.size() >= kMaxWatches) {
    return TooManyWatches(absl::StrCat("all clients together have ", kMaxWatches));
  }
  const PumpedWatch* const key = watch.get();
  watches_.emplace(key, std::move(watch));
  changed_.NotifyAll();
  return absl::OkStatus();
}

void WatchPump::Remove(const PumpedWatch& watch) {
  std::shared_ptr<PumpedWatch> last;  // deleted without the lock
  MutexLock lock(mutex_);
  const auto found = watches_.find(&watch);
  if (found == watches_.end()) return;
  last = std::move(found->second);
  watches_.erase(found);
}

void WatchPump::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  for (const auto& [key, watch] : Watches()) watch->Stop();
}

std::map<const PumpedWatch*, std::shared_ptr<PumpedWatch>> WatchPump::Watches() const {
  MutexLock lock(mutex_);
  return watches_;
}

void WatchPump::Run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (watches_.empty() && !has_ended_) changed_.Wait(mutex_);
      if (has_ended_) return;
    }
    wait_();
    for (const auto& [key, watch] : Watches()) watch->Poke();
    absl::SleepFor(kInterval);
  }
}

}  // namespace numalocality
