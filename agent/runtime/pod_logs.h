// Names of pods and containers, from the names of the log files that kubelet creates on every node:
//   <dir>/containers/<pod>_<namespace>_<container>-<container id>.log
//   <dir>/pods/<namespace>_<pod>_<pod UID>/
// The directories are listed; no log file is opened.
#ifndef NUMALOCALITY_AGENT_RUNTIME_POD_LOGS_H_
#define NUMALOCALITY_AGENT_RUNTIME_POD_LOGS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/engine/workload/name_source.h"

namespace numalocality {

// Parse the name of an entry of containers/ and of pods/; nullopt if it has another format. Kubelet
// truncates names to 255 bytes; a name with a truncated container id is not used. Pure.
std::optional<KnownContainer> ParseContainerLogName(absl::string_view name);
std::optional<KnownContainer> ParsePodLogName(absl::string_view name);

// Thread-safe.
class PodLogs final : public NameSource {
 public:
  // The limit for each of the two directories; a node has a few hundred pods.
  static constexpr int kMaxEntries = 20'000;

  explicit PodLogs(absl::string_view directory) : directory_(directory) {}

  std::string name() const override { return "pod log names"; }
  std::string id() const override { return "pod_logs"; }
  std::string address() const override { return directory_; }

  // NOT_FOUND if neither directory exists, RESOURCE_EXHAUSTED above kMaxEntries.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;

 private:
  const std::string directory_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_POD_LOGS_H_
