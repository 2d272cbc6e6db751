#include "agent/engine/health/configuration_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {

absl::Status CheckConfiguration(const Configuration& configuration,
                                const CapabilitySet& capabilities) {
  if (capabilities.Has(Capability::kSysNice)) return absl::OkStatus();
  for (const LocalityPolicy& policy : configuration.policies) {
    if (policy.sharing == SharingRule::kNever) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "policy '", policy.name,
        "': shared: ", policy.sharing == SharingRule::kOwned ? "owned" : "all",
        " needs CAP_SYS_NICE, which the agent does not have; add SYS_NICE to the capabilities of "
        "its container, or set shared: never in the policy"));
  }
  return absl::OkStatus();
}

ConfigurationSource::ConfigurationSource(std::string path, Presence presence, const Clock& clock,
                                         Parse parse, Check check, const Salvage& salvage)
    : path_(std::move(path)),
      presence_(presence),
      clock_(clock),
      parse_(std::move(parse)),
      check_(std::move(check)),
      current_(std::make_shared<const Configuration>()) {
  status_.path = path_;
  if (!Reload() && salvage != nullptr && !status_.error.empty() && seen_->status.ok()) {
    current_ = std::make_shared<const Configuration>(salvage(seen_->text));
    status_.only_valid_sections = *current_ != Configuration();
  }
  started_ = Current();
}

std::shared_ptr<const Configuration> ConfigurationSource::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

ConfigurationStatus ConfigurationSource::Status() const {
  MutexLock lock(mutex_);
  return status_;
}

bool ConfigurationSource::Reload() {
  if (path_.empty()) return false;
  Seen seen = ReadConfigurationFile();
  MutexLock lock(mutex_);
  if (seen_ == seen) return false;
  seen_ = std::move(seen);
  const bool never_was = status_.load_time == absl::InfinitePast();
  if (presence_ == Presence::kOptional && never_was && !status_.only_valid_sections &&
      absl::IsNotFound(seen_->status)) {
    status_.error.clear();
    return false;
  }
  auto configuration = Understand(*seen_);
  if (!configuration.ok()) {
    status_.error = std::string(configuration.status().message());
    LogError(absl::StrCat("invalid configuration; ",
                          never_was ? "the agent repairs nothing until the file is fixed"
                                    : "the previous one stays in use",
                          " path=", path_, " error=", LogSafe(status_.error)));
    return false;
  }
  current_ = std::make_shared<const Configuration>(*std::move(configuration));
  status_.load_time = clock_.Now();
  status_.error.clear();
  status_.only_valid_sections = false;
  LogInfo(
      absl::StrCat("configuration loaded path=", path_, " policies=", current_->policies.size()));
  if (started_ != nullptr) status_.restart_keys = KeysForRestart(*started_, *current_);
  if (!status_.restart_keys.empty()) {
    LogWarning(absl::StrCat("these settings take effect after a restart of the agent: ",
                            absl::StrJoin(status_.restart_keys, ", ")));
  }
  return true;
}

void ConfigurationSource::Start(absl::Duration period, std::function<void()> on_change) {
  thread_ =
      std::thread([this, period, on_change = std::move(on_change)] { Run(period, on_change); });
}

void ConfigurationSource::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stop_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

ConfigurationSource::Seen ConfigurationSource::ReadConfigurationFile() const {
  auto text = ReadFile(path_);
  if (text.ok()) return {absl::OkStatus(), *std::move(text)};
  return {text.status(), ""};
}

absl::StatusOr<Configuration> ConfigurationSource::Understand(const Seen& seen) const {
  NL_RETURN_IF_ERROR(seen.status);
  NL_ASSIGN_OR_RETURN(Configuration configuration, parse_(seen.text));
  if (check_ != nullptr) NL_RETURN_IF_ERROR(check_(configuration));
  return configuration;
}

void ConfigurationSource::Run(absl::Duration period, const std::function<void()>& on_change) {
  while (true) {
    {
      MutexLock lock(mutex_);
      // A spurious wake-up only reads the file early.
      if (!stopping_) stop_.WaitFor(mutex_, period);
      if (stopping_) return;
    }
    if (Reload()) on_change();
  }
}

}  // namespace numalocality
