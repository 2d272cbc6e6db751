// A progress bar on the last line of a terminal.
#ifndef NUMALOCALITY_AGENT_CLI_PROGRESS_H_
#define NUMALOCALITY_AGENT_CLI_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace numalocality {

// Draws on standard error if that is a terminal, else does nothing. Not thread-safe.
class Progress {
 public:
  explicit Progress(const Clock& clock);
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Redraws the bar, at most ten times a second unless `state` changes. Cheap when called often.
  void Update(absl::string_view state, int64_t moved_bytes, int64_t planned_bytes);

  // Removes the bar from the terminal.
  void Clear();

 private:
  const Clock& clock_;
  const bool on_terminal_;
  bool drawn_ = false;
  std::string state_;
  absl::Duration last_draw_ = -absl::InfiniteDuration();
  // Start of the measured rate: the first update, or the last one before the first byte moved.
  absl::Duration start_;
  int64_t start_bytes_ = -1;
};

// "RUNNING     [#####.....]  50%   128.0 MiB of 256.0 MiB   312.0 MiB/s"; without the rate if it is
// 0.
std::string ProgressLine(absl::string_view state, int64_t moved_bytes, int64_t planned_bytes,
                         double bytes_per_second);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_PROGRESS_H_
