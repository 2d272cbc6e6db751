// Reservations as a file, so that they outlive the agent that gave them. Where its directory is in
// memory (/run), they end with the machine.
#ifndef NUMALOCALITY_AGENT_RPC_RESERVATION_FILE_H_
#define NUMALOCALITY_AGENT_RPC_RESERVATION_FILE_H_

#include <string>
#include <utility>
#include <vector>

#include "agent/engine/migrate/reservations.h"

namespace numalocality {

// Errors are logged: the agent goes on without the file.
class ReservationFile {
 public:
  // There are tokens in it: its directory is for the agent's user only.
  explicit ReservationFile(std::string path) : path_(std::move(path)) {}

  // What was written last. Nothing if there is no file, or it is broken.
  std::vector<Reservation> Read() const;

  void Write(const std::vector<Reservation>& reservations) const;

 private:
  const std::string path_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_RESERVATION_FILE_H_
