// Reservations as a file, so that they outlive the agent process. If the directory is in memory
// (/run), they are lost when the machine restarts.
#ifndef NUMALOCALITY_AGENT_RPC_RESERVATION_FILE_H_
#define NUMALOCALITY_AGENT_RPC_RESERVATION_FILE_H_

#include <string>
#include <utility>
#include <vector>

#include "agent/engine/migrate/reservations.h"

namespace numalocality {

// Errors are logged: the agent works without the file. Not thread-safe.
class ReservationFile {
 public:
  // The file contains tokens: its directory must be accessible to the agent's user only.
  explicit ReservationFile(std::string path) : path_(std::move(path)) {}

  // The reservations written last, by an agent of this format version or the one before. None if
  // there is no file, or it is broken, or a later agent wrote it; in the last case Write leaves the
  // file as it is from then on.
  std::vector<Reservation> Read();

  void Write(const std::vector<Reservation>& reservations) const;

 private:
  const std::string path_;
  bool is_of_later_version_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_RESERVATION_FILE_H_
