// How much each pod may use the self socket, so that one pod does not keep others from it, nor fill
// the agent's log and records. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_SELF_LIMITS_H_
#define NUMALOCALITY_AGENT_RPC_SELF_LIMITS_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace numalocality {

// A number of uses that comes back with time, one per `period` up to `most`. Times are monotonic.
class UseBudget {
 public:
  UseBudget(int most, absl::Duration period) : most_(most), period_(period) {}

  // Takes one use. Zero if there was one, else the time until there is one.
  absl::Duration Take(absl::Duration now);
  bool IsFull(absl::Duration now) const { return full_at_ <= now; }

 private:
  int most_;
  absl::Duration period_;
  absl::Duration full_at_ = -absl::InfiniteDuration();
};

// Not thread-safe. Errors are RESOURCE_EXHAUSTED with the details of kTooManyCalls.
class SelfLimits {
 public:
  static constexpr size_t kMostConnections = 256;
  static constexpr int kMostOfAPod = 4;       // connections at the same time
  static constexpr int kMostCallsOfAPod = 2;  // calls at the same time, without watches
  // Calls, after a burst: five per second. Each may leave a line in the audit log.
  static constexpr int kCallBurst = 20;
  static constexpr absl::Duration kCallPeriod = absl::Milliseconds(200);
  // Migrations and reservations: the agent keeps 1,000 records of all pods together.
  static constexpr int kChangeBurst = 10;
  static constexpr absl::Duration kChangePeriod = absl::Seconds(10);

  // OK: a connection of `pod`, its UID, counts until Disconnect.
  absl::Status Connect(const std::string& pod, absl::Duration now);
  void Disconnect(const std::string& pod);
  // OK: a call of `pod`, which is connected, counts until End. `is_change`: it makes a migration or
  // a reservation.
  absl::Status Begin(const std::string& pod, bool is_change, absl::Duration now);
  void End(const std::string& pod);

  size_t pod_count() const { return pods_.size(); }  // that are remembered

 private:
  struct Pod {
    int connections = 0;
    int calls_now = 0;
    UseBudget calls{kCallBurst, kCallPeriod};
    UseBudget changes{kChangeBurst, kChangePeriod};
  };

  std::map<std::string, Pod> pods_;  // connected, or with budgets that are not full
  size_t connection_count_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SELF_LIMITS_H_
