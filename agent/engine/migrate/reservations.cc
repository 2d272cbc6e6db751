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

// 128 bits that nobody guesses.
std::string MakeToken() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x%08x", device(), device(), device(), device());
}

bool Holds(const Reservation& reservation, const Workload& workload) {
  return std::any_of(reservation.workloads.begin(), reservation.workloads.end(),
                     [&](const Workload& held) { return held.Overlaps(workload); });
}

}  // namespace

void Reservations::Restore(std::vector<Reservation> earlier,
                           std::function<void(const std::vector<Reservation>&)> keep) {
  MutexLock lock(mutex_);
  held_ = std::move(earlier);
  // The clock may have been set back meanwhile.
  const absl::Time latest = clock_.Now() + kLongest;
  for (Reservation& r : held_) r.expire_time = std::min(r.expire_time, latest);
  DropExpired();
  if (held_.size() > kMost) held_.resize(kMost);
  keep_ = std::move(keep);
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
    for (Reservation& reservation : held_) {
      if (reservation.token != token) continue;
      reservation.expire_time = clock_.Now() + ttl;
      Keep();
      return reservation;
    }
    return absl::NotFoundError("reservation: none of this token is in force; reserve anew");
  }
  NL_RETURN_IF_ERROR(CheckHeld(workloads, {}));
  if (held_.size() >= kMost) {
    return absl::ResourceExhaustedError(
        absl::StrCat(held_.size(), " reservations are held already; release some"));
  }
  held_.push_back({MakeToken(), owner.substr(0, kMaxOwnerBytes), workloads, clock_.Now() + ttl});
  Keep();
  return held_.back();
}

absl::Status Reservations::Release(const std::string& token) {
  MutexLock lock(mutex_);
  DropExpired();
  if (std::erase_if(held_, [&](const Reservation& r) { return r.token == token; }) > 0) {
    Keep();
    return absl::OkStatus();
  }
  return absl::NotFoundError("reservation: none of this token is in force");
}

absl::Status Reservations::Check(const std::vector<Workload>& workloads,
                                 const std::vector<std::string>& tokens) const {
  MutexLock lock(mutex_);
  DropExpired();
  return CheckHeld(workloads, tokens);
}

absl::Status Reservations::CheckHeld(const std::vector<Workload>& workloads,
                                     const std::vector<std::string>& tokens) const {
  for (const Reservation& reservation : held_) {
    if (std::find(tokens.begin(), tokens.end(), reservation.token) != tokens.end()) continue;
    for (const Workload& workload : workloads) {
      if (!Holds(reservation, workload)) continue;
      return absl::AbortedError(absl::StrCat(
          workload.ToString(), ": reserved",
          reservation.owner.empty() ? "" : " by " + LogSafe(reservation.owner), " until ",
          absl::FormatTime(absl::RFC3339_sec, reservation.expire_time, absl::UTCTimeZone()),
          "; give the reservation's token, or wait"));
    }
  }
  return absl::OkStatus();
}

std::vector<Reservation> Reservations::List() const {
  MutexLock lock(mutex_);
  DropExpired();
  return held_;
}

void Reservations::Keep() const {
  if (keep_) keep_(held_);
}

void Reservations::DropExpired() const {
  const absl::Time now = clock_.Now();
  std::erase_if(held_, [&](const Reservation& r) { return r.expire_time <= now; });
}

}  // namespace numalocality
