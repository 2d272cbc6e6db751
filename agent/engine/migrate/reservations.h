// Reservations: workloads that a controller keeps the repair loop and other callers off for a
// while.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_RESERVATIONS_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_RESERVATIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/model/workload.h"

namespace numalocality {

// A caller that gives the token may migrate the workloads, and end the reservation.
struct Reservation {
  std::string token;
  std::string owner;  // for people
  std::vector<Workload> workloads;
  absl::Duration ttl;         // as granted last
  absl::Duration expires_at;  // monotonic
  // The same for people and for the file, as the wall clock was set when this was returned.
  absl::Time expire_time;
};

// Thread-safe. Expired reservations are dropped before each call.
class Reservations {
 public:
  static constexpr absl::Duration kLongest = absl::Hours(24);
  static constexpr size_t kMost = 1000;
  // Longer names of owners are cut.
  static constexpr size_t kMaxOwnerBytes = 256;

  explicit Reservations(const Clock& clock) : clock_(clock) {}

  // Adds the reservations of an earlier agent, for what is left by their expire_time, but not for
  // longer than their ttl: the wall clock may have been set back. From now on passes all that
  // are in force to `store` whenever one is made, prolonged or released, one call at a time. Before
  // any Reserve.
  void Restore(std::vector<Reservation> earlier,
               std::function<void(const std::vector<Reservation>&)> store);

  // Reserves `workloads` for `ttl` (above 0, at most kLongest); with the `token` of an earlier
  // reservation, prolongs that one, and ignores `workloads`. ABORTED if one of them is reserved
  // already; NOT_FOUND for a token that has expired; RESOURCE_EXHAUSTED with kMost in force.
  absl::StatusOr<Reservation> Reserve(const std::vector<Workload>& workloads, absl::Duration ttl,
                                      const std::string& token, const std::string& owner);

  // NOT_FOUND if no reservation with this token is in force.
  absl::Status Release(const std::string& token);

  // ABORTED if one of `workloads` is reserved and the token is not among `tokens`.
  absl::Status Check(const std::vector<Workload>& workloads,
                     const std::vector<std::string>& tokens) const;

  // Reservations in force, oldest first.
  std::vector<Reservation> List() const;

 private:
  absl::Status CheckFree(const std::vector<Workload>& workloads,
                         const std::vector<std::string>& tokens) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropExpired() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Grant(Reservation& reservation, absl::Duration ttl) const;
  // As it is passed on: with its expire_time.
  Reservation Dated(Reservation reservation) const;
  std::vector<Reservation> AllDated() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Store() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  mutable std::vector<Reservation> reservations_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const std::vector<Reservation>&)> store_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_RESERVATIONS_H_
