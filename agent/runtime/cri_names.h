// Names, labels and annotations of pods as the container runtime knows them (CRI, runtime.v1):
// what kubelet told it when it had the pod set up.
#ifndef NUMALOCALITY_AGENT_RUNTIME_CRI_NAMES_H_
#define NUMALOCALITY_AGENT_RUNTIME_CRI_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/engine/workload/name_source.h"
#include "agent/runtime/daemon.h"

namespace numalocality {

// Thread-safe.
class CriNames final : public NameSource {
 public:
  // `socket`: path of the runtime's unix socket. One that is named and not there is an error
  // (UNAVAILABLE), as somebody wanted it.
  explicit CriNames(const std::string& socket);

  std::string name() const override { return "pods of the runtime"; }
  std::string id() const override { return "cri"; }
  std::string address() const override { return daemon_.socket(); }

  // Two calls. Every sandbox, without a container's name, and every container that has not ended.
  // Annotations of more than 1 KiB are left out.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;
  void Cancel() override { daemon_.Cancel(); }

 private:
  Daemon daemon_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_CRI_NAMES_H_
