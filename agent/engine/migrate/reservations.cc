#include "agent/engine/migrate/reservations.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/error_details.h"

namespace numalocality {
namespace {

// 128 random bits, which cannot be guessed.
std::string MakeToken() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x%08x", device(), device(), device(), device());
}

std::string Cut(const std::string& owner) { return owner.substr(0, Reservations::kMaxOwnerBytes); }

// Whether the request names what the reservation is for.
bool IsFor(const Reservation& reservation, const ReservationRequest& request) {
  if (!reservation.pod_uid.empty() || !request.pod_uid.empty()) {
    return reservation.pod_uid == request.pod_uid;
  }
  return std::equal(reservation.workloads.begin(), reservation.workloads.end(),
                    request.workloads.begin(), request.workloads.end(),
                    [](const Workload& a, const Workload& b) { return a.IsSame(b); });
}

}  // namespace

absl::Status NoReservation() {
  return absl::NotFoundError(
      "reservation: none has this token, or it has expired; reserve again without a token");
}

bool Reservation::Covers(const Workload& workload) const {
  const bool is_of_pod =
      !pod_uid.empty() && workload.container.has_value() && workload.container->pod_uid == pod_uid;
  return is_of_pod ||
         std::any_of(workloads.begin(), workloads.end(),
                     [&](const Workload& reserved) { return reserved.Overlaps(workload); });
}

void Reservations::Restore(std::vector<Reservation> earlier,
                           std::function<void(const std::vector<Reservation>&)> store) {
  MutexLock lock(mutex_);
  reservations_ = std::move(earlier);
  const absl::Time now = clock_.Now();
  for (Reservation& r : reservations_) {
    r.ttl = std::min(r.ttl, kLongest);
    r.expires_at = clock_.Monotonic() + std::min(r.expire_time - now, r.ttl);
  }
  DropExpired();
  if (reservations_.size() > kMost) reservations_.resize(kMost);
  store_ = std::move(store);
}

absl::StatusOr<std::optional<Reservation>> Reservations::FindRequest(
    const ReservationRequest& request) const {
  MutexLock lock(mutex_);
  DropExpired();
  NL_ASSIGN_OR_RETURN(const Reservation* const found, FindRequestLocked(request));
  if (found == nullptr) return std::nullopt;
  return Dated(*found);
}

absl::StatusOr<Reservation*> Reservations::FindRequestLocked(
    const ReservationRequest& request) const {
  if (request.request_id.empty()) return nullptr;
  for (Reservation& reservation : reservations_) {
    if (reservation.request_id != request.request_id) continue;
    if (reservation.created_by != request.created_by) continue;
    if (IsFor(reservation, request) && reservation.owner == Cut(request.owner)) return &reservation;
    return WithDetails(
        absl::AlreadyExistsError(absl::StrCat("request_id ", LogSafe(request.request_id),
                                              ": belongs to the reservation of another workload "
                                              "or owner already")),
        {ErrorReason::kRequestIdUsed});
  }
  return nullptr;
}

absl::StatusOr<Reservation> Reservations::Reserve(const ReservationRequest& request) {
  if (request.ttl <= absl::ZeroDuration() || request.ttl > kLongest) {
    return InvalidField(
        "ttl", absl::StrCat(absl::FormatDuration(request.ttl), ": must be above 0 and at most ",
                            absl::FormatDuration(kLongest)));
  }
  MutexLock lock(mutex_);
  DropExpired();
  if (!request.token.empty()) return Prolong(request);
  NL_ASSIGN_OR_RETURN(const Reservation* const earlier, FindRequestLocked(request));
  if (earlier != nullptr) return Dated(*earlier);
  NL_RETURN_IF_ERROR(CheckFree(request.workloads, {}));
  if (reservations_.size() >= kMost) {
    return WithDetails(
        absl::ResourceExhaustedError(absl::StrCat(
            reservations_.size(),
            " reservations exist already, the largest number possible; release some of them")),
        {ErrorReason::kTooManyReservations});
  }
  Reservation& made = reservations_.emplace_back();
  made.token = MakeToken();
  made.owner = Cut(request.owner);
  made.workloads = request.workloads;
  made.pod_uid = request.pod_uid;
  made.request_id = request.request_id;
  made.created_by = request.created_by;
  Grant(made, request.ttl);
  Store();
  return Dated(made);
}

absl::StatusOr<Reservation> Reservations::Prolong(const ReservationRequest& request) {
  const auto found =
      std::find_if(reservations_.begin(), reservations_.end(),
                   [&](const Reservation& other) { return other.token == request.token; });
  if (found == reservations_.end()) return NoReservation();
  const bool names_some = !request.workloads.empty() || !request.pod_uid.empty();
  if (names_some && !IsFor(*found, request)) {
    return InvalidField("workload", "is not what the reservation with this token is for");
  }
  if (!request.owner.empty() && found->owner != Cut(request.owner)) {
    return InvalidField("owner", "is not the one of the reservation with this token");
  }
  Grant(*found, request.ttl);
  Store();
  return Dated(*found);
}

absl::StatusOr<Reservation> Reservations::Find(const std::string& token) const {
  MutexLock lock(mutex_);
  DropExpired();
  for (const Reservation& reservation : reservations_) {
    if (reservation.token == token) return Dated(reservation);
  }
  return NoReservation();
}

absl::Status Reservations::ReleaseAll(const std::vector<Workload>& workloads) {
  MutexLock lock(mutex_);
  DropExpired();
  const auto covers_one = [&](const Reservation& reservation) {
    return std::any_of(workloads.begin(), workloads.end(),
                       [&](const Workload& workload) { return reservation.Covers(workload); });
  };
  if (std::erase_if(reservations_, covers_one) == 0) {
    return absl::NotFoundError("reservation: none covers the workload, or it has expired");
  }
  Store();
  return absl::OkStatus();
}

absl::Status Reservations::Release(const std::string& token) {
  MutexLock lock(mutex_);
  DropExpired();
  if (std::erase_if(reservations_, [&](const Reservation& r) { return r.token == token; }) > 0) {
    Store();
    return absl::OkStatus();
  }
  return NoReservation();
}

absl::Status Reservations::Check(const std::vector<Workload>& workloads,
                                 const std::vector<std::string>& tokens) const {
  MutexLock lock(mutex_);
  DropExpired();
  return CheckFree(workloads, tokens);
}

absl::Status Reservations::CheckFree(const std::vector<Workload>& workloads,
                                     const std::vector<std::string>& tokens) const {
  for (const Reservation& reservation : reservations_) {
    if (std::find(tokens.begin(), tokens.end(), reservation.token) != tokens.end()) continue;
    for (const Workload& workload : workloads) {
      if (!reservation.Covers(workload)) continue;
      const std::string until =
          absl::FormatTime(absl::RFC3339_sec, Dated(reservation).expire_time, absl::UTCTimeZone());
      return WithDetails(absl::AbortedError(absl::StrCat(
                             workload.ToString(), ": reserved",
                             reservation.owner.empty() ? "" : " by " + LogSafe(reservation.owner),
                             " until ", until, "; pass the reservation's token, or wait")),
                         {ErrorReason::kReserved,
                          {{"owner", reservation.owner},
                           {"created_by", reservation.created_by},
                           {"expire_time", until}},
                          reservation.expires_at - clock_.Monotonic()});
    }
  }
  return absl::OkStatus();
}

std::vector<Reservation> Reservations::List() const {
  MutexLock lock(mutex_);
  DropExpired();
  return AllDated();
}

void Reservations::Store() const {
  if (store_) store_(AllDated());
}

void Reservations::DropExpired() const {
  const absl::Duration now = clock_.Monotonic();
  std::erase_if(reservations_, [&](const Reservation& r) { return r.expires_at <= now; });
}

void Reservations::Grant(Reservation& reservation, absl::Duration ttl) const {
  reservation.ttl = ttl;
  reservation.expires_at = clock_.Monotonic() + ttl;
}

Reservation Reservations::Dated(Reservation reservation) const {
  reservation.expire_time = clock_.WallTimeAt(reservation.expires_at);
  return reservation;
}

std::vector<Reservation> Reservations::AllDated() const {
  std::vector<Reservation> dated;
  for (const Reservation& reservation : reservations_) dated.push_back(Dated(reservation));
  return dated;
}

}  // namespace numalocality
