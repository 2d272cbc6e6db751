#include "agent/engine/migrate/reservations.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// 128 random bits, which cannot be guessed.
std::string MakeToken() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x%08x", device(), device(), device(), device());
}

bool Covers(const Reservation& reservation, const Workload& workload) {
  return std::any_of(reservation.workloads.begin(), reservation.workloads.end(),
                     [&](const Workload& reserved) { return reserved.Overlaps(workload); });
}

}  // namespace

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

absl::StatusOr<Reservation> Reservations::Reserve(const std::vector<Workload>& workloads,
                                                  absl::Duration ttl, const std::string& token,
                                                  const std::string& owner) {
  if (ttl <= absl::ZeroDuration() || ttl > kLongest) {
    return absl::InvalidArgumentError(absl::StrCat("ttl ", absl::FormatDuration(ttl),
                                                   ": must be above 0 and at most ",
                                                   absl::FormatDuration(kLongest)));
  }
  MutexLock lock(mutex_);
  DropExpired();
  if (!token.empty()) {
    for (Reservation& reservation : reservations_) {
      if (reservation.token != token) continue;
      Grant(reservation, ttl);
      Store();
      return Dated(reservation);
    }
    return absl::NotFoundError(
        "reservation: none has this token, or it has expired; reserve again without a token");
  }
  NL_RETURN_IF_ERROR(CheckFree(workloads, {}));
  if (reservations_.size() >= kMost) {
    return absl::ResourceExhaustedError(absl::StrCat(
        reservations_.size(),
        " reservations exist already, the largest number possible; release some of them"));
  }
  reservations_.push_back({MakeToken(), owner.substr(0, kMaxOwnerBytes), workloads, {}, {}, {}});
  Grant(reservations_.back(), ttl);
  Store();
  return Dated(reservations_.back());
}

absl::Status Reservations::Release(const std::string& token) {
  MutexLock lock(mutex_);
  DropExpired();
  if (std::erase_if(reservations_, [&](const Reservation& r) { return r.token == token; }) > 0) {
    Store();
    return absl::OkStatus();
  }
  return absl::NotFoundError("reservation: none has this token, or it has expired");
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
      if (!Covers(reservation, workload)) continue;
      return absl::AbortedError(absl::StrCat(
          workload.ToString(), ": reserved",
          reservation.owner.empty() ? "" : " by " + LogSafe(reservation.owner), " until ",
          absl::FormatTime(absl::RFC3339_sec, Dated(reservation).expire_time, absl::UTCTimeZone()),
          "; pass the reservation's token, or wait"));
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
