#include "agent/rpc/self_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace numalocality {
namespace {

constexpr size_t kLengthBytes = 4;

bool MayWork(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

std::string ToLength(size_t size) {
  std::string length;
  for (int shift = 24; shift >= 0; shift -= 8) length.push_back(static_cast<char>(size >> shift));
  return length;
}

size_t FromLength(absl::string_view text) {
  size_t size = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) size = size << 8 | static_cast<uint8_t>(text[i]);
  return size;
}

}  // namespace

short SelfConnection::events() const {
  switch (state_) {
    case State::kReading: return POLLIN;
    case State::kAnswering: return POLLOUT;
    case State::kCalling:
    case State::kEnded: break;
  }
  return 0;  // POLLHUP and POLLERR are always reported
}

std::optional<std::string> SelfConnection::Step() {
  switch (state_) {
    case State::kReading: return Read();
    case State::kAnswering: Write(); break;
    case State::kCalling: End(); break;  // the client has gone
    case State::kEnded: break;
  }
  return std::nullopt;
}

std::optional<std::string> SelfConnection::Read() {
  // No more than the request: what follows it stays in the socket.
  const bool has_length = text_.size() >= kLengthBytes;
  const size_t whole = kLengthBytes + (has_length ? FromLength(text_) : 0);
  char buffer[4096];
  const size_t wanted = std::min(whole - text_.size(), sizeof(buffer));
  const ssize_t got = recv(fd_.get(), buffer, wanted, MSG_DONTWAIT);
  if (got <= 0) {
    if (got == 0 || !MayWork(errno)) End();
    return std::nullopt;
  }
  text_.append(buffer, static_cast<size_t>(got));
  if (text_.size() < kLengthBytes) return std::nullopt;
  const size_t size = FromLength(text_);
  if (size > kMaxRequestBytes) {
    End();
  } else if (text_.size() == kLengthBytes + size) {
    state_ = State::kCalling;
    end_ = absl::InfiniteDuration();
    std::string request = text_.substr(kLengthBytes);
    text_ = std::string();
    return request;
  }
  return std::nullopt;
}

void SelfConnection::Answer(absl::string_view response, absl::Duration now) {
  text_ = ToLength(response.size());
  text_.append(response.data(), response.size());
  sent_ = 0;
  state_ = State::kAnswering;
  end_ = now + kPatience;
  Write();
}

void SelfConnection::End() {
  state_ = State::kEnded;
  end_ = absl::InfiniteDuration();
  fd_.Reset();
}

void SelfConnection::Write() {
  const ssize_t sent =
      send(fd_.get(), text_.data() + sent_, text_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && !MayWork(errno)) return End();
  sent_ += static_cast<size_t>(std::max<ssize_t>(sent, 0));
  if (sent_ == text_.size()) End();
}

}  // namespace numalocality
