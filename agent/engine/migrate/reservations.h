// Workloads that a controller keeps others off, for a while.
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

// Who knows the token may migrate the workloads, and end the reservation.
struct Reservation {
  std::string token;
  std::string owner;  // for people
  std::vector<Workload> workloads;
  absl::Time expire_time;
};

// Thread-safe. Expired ones are as if they had never been.
class Reservations {
 public:
  static constexpr absl::Duration kLongest = absl::Hours(24);
  static constexpr size_t kMost = 1000;
  // Of an owner's name; the rest is left out.
  static constexpr size_t kMaxOwnerBytes = 256;

  explicit Reservations(const Clock& clock) : clock_(clock) {}

  // Takes in those of an agent before this one, and from now on gives `keep` all in force whenever
  // one is made, prolonged or released, one call at a time. Before anyone reserves.
  void Restore(std::vector<Reservation> earlier,
               std::function<void(const std::vector<Reservation>&)> keep);

  // Reserves `workloads` for `ttl` (above 0, at most kLongest); with the `token` of an earlier
  // reservation, prolongs that, and `workloads` are its. ABORTED if another one holds one of them;
  // NOT_FOUND for a token that has expired; RESOURCE_EXHAUSTED with kMost held.
  absl::StatusOr<Reservation> Reserve(const std::vector<Workload>& workloads, absl::Duration ttl,
                                      const std::string& token, const std::string& owner);

  // NOT_FOUND if there is none of this token (any more).
  absl::Status Release(const std::string& token);

  // ABORTED if one of `workloads` is held by a reservation whose token is not among `tokens`.
  absl::Status Check(const std::vector<Workload>& workloads,
                     const std::vector<std::string>& tokens) const;

  // Those in force.
  std::vector<Reservation> List() const;

 private:
  absl::Status CheckHeld(const std::vector<Workload>& workloads,
                         const std::vector<std::string>& tokens) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropExpired() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Keep() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  mutable std::vector<Reservation> held_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const std::vector<Reservation>&)> keep_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_RESERVATIONS_H_
