// The interface of name sources, the daemons and directories that know containers' names: container
// runtime, kubelet, log directories. agent/runtime implements it. Each source is optional.
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

// What one source knows about one container, or about all containers of a pod; unknown fields are
// empty. Entries are joined by container id, otherwise by pod UID and container name, otherwise by
// names. If several entries are about the same pod or container, the last one counts.
struct KnownContainer {
  std::string container_id;  // 64 hex digits
  std::string pod_uid;       // as in ContainerRef
  ContainerDescription description;
};

// Thread-safe.
class NameSource {
 public:
  virtual ~NameSource() = default;

  // For people, such as "kubelet resources"; at most 20 characters.
  virtual std::string name() const = 0;
  // For metrics: "cri", "pod_resources", "kubelet_state" or "pod_logs".
  virtual std::string id() const = 0;
  // Its socket, file or directory.
  virtual std::string address() const = 0;

  // Reads all that the source knows now; takes a few seconds at most. NOT_FOUND if it does not
  // exist, UNAVAILABLE if it does not answer, UNIMPLEMENTED if it is too old.
  virtual absl::StatusOr<std::vector<KnownContainer>> Read() = 0;

  // Makes a current Read, and those that follow soon, return CANCELLED.
  virtual void Cancel() {}
};

// The result of the latest reads of a source.
struct SourceStatus {
  std::string name;  // as in NameSource, also the next two
  std::string id;
  std::string address;
  absl::Status last_read = absl::NotFoundError("not read yet");
  absl::Time last_success = absl::InfinitePast();
  int64_t error_count = 0;  // failed reads, except while the source is absent

  // It does not exist and never has; that is not an error.
  bool IsAbsent() const {
    return absl::IsNotFound(last_read) && last_success == absl::InfinitePast();
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_SOURCE_H_
