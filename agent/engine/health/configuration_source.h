// The configuration in force, and the file it comes from: a wrong file never takes the place of a
// good one. Files are compared by what they say, so that every way of replacing them is seen,
// also kubelet's, which swaps the symbolic link `..data` above the files of a ConfigMap.
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

namespace numalocality {

// Thread-safe but for Start and Stop.
class ConfigurationSource {
 public:
  using Parse = std::function<absl::StatusOr<Configuration>(absl::string_view text)>;
  // Whether a configuration can be in force here, which may depend on the agent's privileges.
  using Check = std::function<absl::Status(const Configuration&)>;

  // Whether it is an error that there never was a file.
  enum class Presence { kRequired, kOptional };

  // Reads the file once. `path` may be empty: defaults hold. `check` may be null.
  ConfigurationSource(std::string path, Presence presence, const Clock& clock, Parse parse,
                      Check check = nullptr);
  ~ConfigurationSource() { Stop(); }

  // Never null. What an agent takes over at its start only, see KeysForRestart, may differ in it
  // from what is in force.
  std::shared_ptr<const Configuration> Current() const;
  ConfigurationStatus Status() const;

  // Looks at the file once. If it has changed and is right, it comes into force: true. If it has
  // changed and is wrong, unreadable or gone, that is logged and becomes Status().error, until it
  // is right again.
  bool Reload();

  // Reloads every `period`, in a thread of its own that calls `on_change` after each reload that
  // came into force.
  void Start(absl::Duration period, std::function<void()> on_change);
  void Stop();

 private:
  // What was last seen of the file.
  struct Seen {
    absl::Status status;  // of reading it
    std::string text;
    bool operator==(const Seen&) const = default;
  };

  Seen Look() const;
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
