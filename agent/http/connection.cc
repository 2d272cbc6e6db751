#include "agent/http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"

namespace numalocality {
namespace {

constexpr size_t kMaxHeadBytes = 8192;
// The limit for the request's body, which is read and ignored.
constexpr size_t kMaxIgnoredBytes = size_t{1} << 20;

bool IsTemporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

short Connection::events() const { return state_ == State::kAnswering ? POLLOUT : POLLIN; }

bool Connection::Step(absl::FunctionRef<std::string(absl::string_view head)> answer) {
  switch (state_) {
    case State::kReading: return Read(answer);
    case State::kAnswering: return Answer();
    case State::kClosing: return AwaitClose();
  }
  return false;
}

bool Connection::Read(absl::FunctionRef<std::string(absl::string_view head)> answer) {
  char buffer[2048];
  const ssize_t got = recv(fd_.get(), buffer, sizeof(buffer), 0);
  if (got <= 0) return got < 0 && IsTemporary(errno);
  text_.append(buffer, static_cast<size_t>(got));
  const bool is_whole = absl::StrContains(text_, "\r\n\r\n") || absl::StrContains(text_, "\n\n");
  if (!is_whole && text_.size() < kMaxHeadBytes) return true;
  text_ = answer(text_);
  state_ = State::kAnswering;
  return Answer();
}

bool Connection::Answer() {
  const ssize_t sent =
      send(fd_.get(), text_.data() + sent_, text_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && !IsTemporary(errno)) return false;
  sent_ += static_cast<size_t>(std::max<ssize_t>(sent, 0));
  if (sent_ < text_.size()) return true;
  // The rest of the request must be read: with unread data the kernel would reset the connection
  // and discard the response.
  shutdown(fd_.get(), SHUT_WR);
  text_ = std::string();
  state_ = State::kClosing;
  return true;
}

bool Connection::AwaitClose() {
  char buffer[2048];
  const ssize_t got = recv(fd_.get(), buffer, sizeof(buffer), 0);
  if (got <= 0) return got < 0 && IsTemporary(errno);
  ignored_ += static_cast<size_t>(got);
  return ignored_ < kMaxIgnoredBytes;
}

}  // namespace numalocality
