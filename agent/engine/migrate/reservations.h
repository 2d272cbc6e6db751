// Reservations: workloads that a controller keeps the repair loop and other callers off for a
// while.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_RESERVATIONS_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_RESERVATIONS_H_

#include <functional>
#include <optional>
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

// NOT_FOUND.
absl::Status NoReservation();

// A caller that gives the token may migrate the workloads, and end the reservation.
struct Reservation {
  std::string token;
  std::string owner;  // for people
  std::vector<Workload> workloads;
  absl::Duration ttl;         // as granted last
  absl::Duration expires_at;  // monotonic
  // The same for people and for the file, as the wall clock was set when this was returned.
  absl::Time expire_time;
  std::string pod_uid = {};     // also containers of this pod that start later; "": none
  std::string request_id = {};  // see ReservationRequest
  std::string created_by = {};  // likewise

  // Whether it reserves the workload, a part of it, or what contains it.
  bool Covers(const Workload& workload) const;
};

struct ReservationRequest {
  std::vector<Workload> workloads;
  std::string pod_uid = {};  // of the pod whose containers `workloads` are all; "": no whole pod
  absl::Duration ttl;        // above 0, at most Reservations::kLongest
  std::string token = {};    // of the reservation to extend; "": a new one
  std::string owner = {};
  // Makes retries safe: a new reservation with the id of one in force is that one. "": none.
  std::string request_id = {};
  std::string created_by = {};  // identity of the client, which a request_id belongs to
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

  // The reservation in force that an earlier request of the same client with the same request_id
  // made; ALREADY_EXISTS if that request named other workloads or another owner.
  absl::StatusOr<std::optional<Reservation>> FindRequest(const ReservationRequest& request) const;

  // Reserves workloads; with a token, prolongs that reservation: its workloads and its owner stay,
  // and the request names the same ones, or none. INVALID_ARGUMENT for another ttl, or if a request
  // with a token names others; ABORTED if a workload is reserved already; NOT_FOUND for a token
  // that has expired; RESOURCE_EXHAUSTED with kMost in force; ALREADY_EXISTS as FindRequest.
  absl::StatusOr<Reservation> Reserve(const ReservationRequest& request);

  // NOT_FOUND if no reservation with this token is in force.
  absl::StatusOr<Reservation> Find(const std::string& token) const;
  absl::Status Release(const std::string& token);

  // Ends every reservation that covers one of `workloads`; NOT_FOUND if none does.
  absl::Status ReleaseAll(const std::vector<Workload>& workloads);

  // ABORTED if one of `workloads` is reserved and the token is not among `tokens`.
  absl::Status Check(const std::vector<Workload>& workloads,
                     const std::vector<std::string>& tokens) const;

  // Reservations in force, oldest first.
  std::vector<Reservation> List() const;

 private:
  absl::StatusOr<Reservation*> FindRequestLocked(const ReservationRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Reservation> Prolong(const ReservationRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
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
