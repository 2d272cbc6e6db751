#include "agent/rpc/reservation_file.h"

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/os/base/file.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/format_version.h"
#include "numalocality/records/v1/reservations.pb.h"

namespace numalocality {
namespace {

namespace stored = ::numalocality::records::v1;

// Reservations::kMost of pods with ten containers each take 4 MiB.
constexpr size_t kMaxBytes = size_t{16} << 20;

void ToRecord(const Reservation& reservation, stored::Reservation& record) {
  record.set_token(reservation.token);
  record.set_owner(reservation.owner);
  *record.mutable_expire_time() = ToProto(reservation.expire_time);
  *record.mutable_ttl() = ToProto(reservation.ttl);
  record.set_pod_uid(reservation.pod_uid);
  record.set_request_id(reservation.request_id);
  record.set_created_by(reservation.created_by);
  for (const Workload& workload : reservation.workloads) ToProto(workload, *record.add_workloads());
}

Reservation FromRecord(const stored::Reservation& record) {
  Reservation reservation;
  reservation.token = record.token();
  reservation.owner = record.owner();
  reservation.pod_uid = record.pod_uid();
  reservation.request_id = record.request_id();
  reservation.created_by = record.created_by();
  reservation.expire_time = FromProto(record.expire_time());
  reservation.ttl = record.has_ttl() ? FromProto(record.ttl()) : Reservations::kLongest;
  for (const auto& workload : record.workloads()) {
    reservation.workloads.push_back(FromProto(workload));
  }
  return reservation;
}

}  // namespace

std::vector<Reservation> ReservationFile::Read() {
  const auto content = ReadFile(path_, kMaxBytes);
  if (absl::IsNotFound(content.status())) return {};
  constexpr absl::string_view kNone = "reservations of earlier agents are not in force: ";
  stored::ReservationsHeader header;
  if (!content.ok() || !header.ParseFromString(*content)) {
    LogWarning(absl::StrCat(
        kNone, content.ok() ? absl::StrCat(path_, " does not contain stored reservations")
                            : content.status().ToString()));
    return {};
  }
  const absl::Status version = CheckFormatVersion(path_, header.format_version());
  is_of_later_version_ = !version.ok();
  if (is_of_later_version_) {
    LogError(absl::StrCat(kNone, version.message(),
                          ". Until then reservations are lost when this agent exits"));
    return {};
  }
  stored::Reservations file;
  if (!file.ParseFromString(*content)) {
    LogWarning(absl::StrCat(kNone, path_, " does not contain stored reservations"));
    return {};
  }
  std::vector<Reservation> reservations;
  for (const auto& record : file.reservations()) reservations.push_back(FromRecord(record));
  return reservations;
}

void ReservationFile::Write(const std::vector<Reservation>& reservations) const {
  if (is_of_later_version_) return;
  stored::Reservations file;
  file.set_format_version(kFormatVersion);
  for (const Reservation& reservation : reservations) {
    ToRecord(reservation, *file.add_reservations());
  }
  const absl::Status status = ReplaceFile(path_, file.SerializeAsString());
  if (status.ok()) return;
  LogError(absl::StrCat("cannot store reservations, so they are lost when this agent exits: ",
                        status.message()));
}

}  // namespace numalocality
