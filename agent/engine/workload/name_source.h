// What the engine asks of those who know containers' names: the container runtime, kubelet, the
// names of log directories. agent/runtime implements it. Each is optional.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_SOURCE_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/model/container_names.h"

namespace numalocality {

// What one source knows of one container, or of all containers of a pod. What it does not know is
// empty. Entries are joined by container id, else by pod UID and container name, else by names.
// Of entries for the same pod or container, the last counts.
struct KnownContainer {
  std::string container_id;  // 64 hex digits
  std::string pod_uid;       // as in ContainerRef
  ContainerDescription description;
};

// Thread-safe.
class NameSource {
 public:
  virtual ~NameSource() = default;

  // "kubelet resources", ...: for people, at most 20 characters.
  virtual std::string name() const = 0;
  // "cri", "pod_resources", "kubelet_state", "pod_logs": for metrics.
  virtual std::string id() const = 0;
  // The socket, file or directory.
  virtual std::string address() const = 0;

  // All it knows now; takes some seconds at most. NOT_FOUND if it is not there, UNAVAILABLE if it
  // does not answer, UNIMPLEMENTED if it is too old.
  virtual absl::StatusOr<std::vector<KnownContainer>> Read() = 0;

  // Ends a Read under way and those to come soon, with CANCELLED.
  virtual void Cancel() {}
};

// How reading a source goes.
struct SourceStatus {
  std::string name;  // of the source, as are the next two
  std::string id;
  std::string address;
  absl::Status last_read = absl::NotFoundError("not read yet");
  absl::Time last_success = absl::InfinitePast();
  int64_t error_count = 0;  // failed reads, save while the source is absent

  // It is not there and has never been: nothing is wrong with that.
  bool IsAbsent() const {
    return absl::IsNotFound(last_read) && last_success == absl::InfinitePast();
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_SOURCE_H_
