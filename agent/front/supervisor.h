// Runs nginx, and has it load the TLS files again when they change.
#ifndef NUMALOCALITY_AGENT_FRONT_SUPERVISOR_H_
#define NUMALOCALITY_AGENT_FRONT_SUPERVISOR_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/line_budget.h"
#include "agent/front/front_options.h"
#include "agent/front/tls_files.h"
#include "agent/os/base/file.h"

namespace numalocality {

// Methods are for one thread.
class Supervisor {
 public:
  // From how long before the end of a certificate on it is logged, and how often.
  static constexpr absl::Duration kSoon = absl::Hours(7 * 24);
  static constexpr absl::Duration kRemind = absl::Hours(6);
  // When files are tried again that nginx could not load: the machine may have had no memory.
  static constexpr absl::Duration kRetry = absl::Seconds(10);

  // `options` pass CheckFrontOptions.
  Supervisor(FrontOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}
  ~Supervisor() { Stop(absl::ZeroDuration()); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // One step, to be called once a second. Starts nginx once the files are valid; has it load files
  // that have changed. Logs why files cannot be used, and then what was loaded before stays in use.
  // An error if nginx cannot be run, or has ended.
  absl::Status Tick();

  // Whether nginx runs.
  bool is_running() const { return nginx_ > 0; }
  // How often files have been loaded.
  int load_count() const { return load_count_; }

  // Ends nginx: calls have `grace` to end by themselves.
  void Stop(absl::Duration grace);

 private:
  // Has nginx check and then use the files. An error says what is wrong with them.
  absl::Status Load(const TlsFiles& files);
  absl::Status Start();
  // OK while nginx runs.
  absl::Status CheckRunning();
  void RemindOfExpiry();
  // Passes nginx's messages on to the log: clients that it refuses, and what is severe.
  void PassOnLog();
  void PassOnLine(const std::string& line);

  const FrontOptions options_;
  const Clock& clock_;
  pid_t nginx_ = 0;  // 0: not started, or ended
  // nginx's messages. It drops those for which the pipe has no room, and never waits.
  ScopedFd log_;
  std::string incomplete_line_;
  LineBudget refusals_;
  LineBudget problems_;
  int load_count_ = 0;
  std::optional<absl::StatusOr<TlsFiles>> seen_;        // at the last step
  absl::Duration retry_at_ = absl::InfiniteDuration();  // monotonic
  absl::Status complaint_;                              // that was logged; OK after a load
  absl::Time expiry_ = absl::InfiniteFuture();
  absl::Duration reminded_ = -absl::InfiniteDuration();  // monotonic
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_FRONT_SUPERVISOR_H_
