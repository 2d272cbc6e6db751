#include "agent/cli/localityctl/reconnect.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"

namespace numalocality::localityctl {
namespace {

void Say(absl::string_view text) {
  // On a terminal the line may already have a progress bar.
  std::cerr << (isatty(STDERR_FILENO) == 1 ? "\n" : "") << "NOTE: " << text << std::endl;
}

bool MayPass(const absl::Status& failure) {
  return absl::IsUnavailable(failure) || absl::IsCancelled(failure) || absl::IsInternal(failure);
}

}  // namespace

void Reconnect::Reached() {
  if (lost_since_.has_value()) Say("the agent answers again");
  was_reached_ = true;
  lost_since_.reset();
  delay_.Reset();
}

bool Reconnect::WaitAfter(const absl::Status& failure) {
  if (!was_reached_ || !MayPass(failure)) return false;
  const absl::Duration now = clock_.Monotonic();
  if (!lost_since_.has_value()) {
    Say(absl::StrCat(failure.message(), "; trying again for ", absl::FormatDuration(patience_)));
    lost_since_ = now;
  }
  const absl::Duration left = *lost_since_ + patience_ - now;
  if (left <= absl::ZeroDuration()) return false;
  clock_.Sleep(std::min({delay_.Next(random_), kLongestPause, left}));
  return true;
}

}  // namespace numalocality::localityctl
