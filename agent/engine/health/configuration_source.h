// The agent's current configuration and the file that it comes from. An invalid file never replaces
// a valid configuration. Files are compared by content, so that every way of replacing them is
// noticed, also kubelet's, which swaps the symbolic link `..data` above the files of a ConfigMap.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_CONFIGURATION_SOURCE_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_CONFIGURATION_SOURCE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/model/configuration.h"
#include "agent/model/privileges.h"

namespace numalocality {

// Checks that an agent with these capabilities can do what a valid configuration asks for.
// FAILED_PRECONDITION with the first policy for which it cannot, and what to do. Pure.
absl::Status CheckConfiguration(const Configuration& configuration,
                                const CapabilitySet& capabilities);

// Thread-safe, except for Start and Stop, which are for one thread.
class ConfigurationSource {
 public:
  using Parse = std::function<absl::StatusOr<Configuration>(absl::string_view text)>;
  // Checks what the file alone does not decide, such as CheckConfiguration.
  using Check = std::function<absl::Status(const Configuration&)>;

  // Whether a file that never existed is an error.
  enum class Presence { kRequired, kOptional };

  // What to use of a file that is invalid when the agent starts.
  using Salvage = std::function<Configuration(absl::string_view text)>;

  // Reads the file once. An empty `path` means the built-in defaults. `check` may be null; so may
  // `salvage`, which means the defaults.
  ConfigurationSource(std::string path, Presence presence, const Clock& clock, Parse parse,
                      Check check = nullptr, const Salvage& salvage = nullptr);
  ~ConfigurationSource() { Stop(); }

  // The latest valid configuration; never null. Settings that the agent reads only at its start
  // (see KeysForRestart) may differ in it from those that the agent uses.
  std::shared_ptr<const Configuration> Current() const;
  ConfigurationStatus Status() const;

  // Reads the file once. If it has changed and is valid, it becomes the current configuration:
  // true. If it has changed and is invalid, unreadable or gone, that is logged and is
  // Status().error until the file is valid again.
  bool Reload();

  // Starts a thread that reloads every `period` and calls `on_change` after each new configuration.
  void Start(absl::Duration period, std::function<void()> on_change);
  void Stop();

 private:
  // The result of one read of the file.
  struct Seen {
    absl::Status status;  // of reading it
    std::string text;
    bool operator==(const Seen&) const = default;
  };

  Seen ReadConfigurationFile() const;
  absl::StatusOr<Configuration> Understand(const Seen& seen) const;
  void Run(absl::Duration period, const std::function<void()>& on_change);

  const std::string path_;
  const Presence presence_;
  const Clock& clock_;
  const Parse parse_;
  const Check check_;

  mutable Mutex mutex_;
  ConditionVariable stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Seen> seen_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Configuration> current_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Configuration> started_ ABSL_GUARDED_BY(mutex_);  // null in the constructor
  ConfigurationStatus status_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_CONFIGURATION_SOURCE_H_
