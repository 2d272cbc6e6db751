#include "agent/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/units.h"

namespace numalocality {
namespace {

constexpr int kBarWidth = 30;
constexpr absl::Duration kBetweenDraws = absl::Milliseconds(100);

// Moves the cursor to the start of the line and clears the line.
constexpr char kClearLine[] = "\r\033[K";

}  // namespace

Progress::Progress(const Clock& clock) : clock_(clock), on_terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::Update(absl::string_view state, int64_t moved_bytes, int64_t planned_bytes) {
  if (!on_terminal_) return;
  const absl::Duration now = clock_.Monotonic();
  if (moved_bytes == 0 || start_bytes_ < 0) {
    start_ = now;
    start_bytes_ = moved_bytes;
  }
  if (state_ == state && now - last_draw_ < kBetweenDraws) return;
  state_ = std::string(state);
  last_draw_ = now;
  drawn_ = true;
  const double rate = now > start_ ? static_cast<double>(moved_bytes - start_bytes_) /
                                         absl::ToDoubleSeconds(now - start_)
                                   : 0;
  std::cerr << kClearLine << ProgressLine(state, moved_bytes, planned_bytes, rate) << std::flush;
}

void Progress::Clear() {
  if (drawn_) std::cerr << kClearLine << std::flush;
  drawn_ = false;
}

std::string ProgressLine(absl::string_view state, int64_t moved_bytes, int64_t planned_bytes,
                         double bytes_per_second) {
  const double fraction =
      planned_bytes > 0
          ? std::clamp(static_cast<double>(moved_bytes) / static_cast<double>(planned_bytes), 0.,
                       1.)
          : 0.;
  const auto filled = static_cast<size_t>(fraction * kBarWidth);
  std::string line =
      absl::StrFormat("%-10s [%s%s] %3d%%   %s of %s", state, std::string(filled, '#'),
                      std::string(kBarWidth - filled, '.'), static_cast<int>(fraction * 100),
                      FormatBytes(moved_bytes), FormatBytes(planned_bytes));
  if (bytes_per_second > 0) {
    absl::StrAppend(&line, "   ", FormatBytes(static_cast<int64_t>(bytes_per_second)), "/s");
  }
  return line;
}

}  // namespace numalocality
