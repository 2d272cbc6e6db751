// The DevicePlugin service that kubelet calls (device-plugin API, v1beta1): lists the devices of
// one resource, all alike, and says what a container that gets some of them needs.
#ifndef NUMALOCALITY_AGENT_RUNTIME_DEVICE_SERVICE_H_
#define NUMALOCALITY_AGENT_RUNTIME_DEVICE_SERVICE_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>

#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/base/mutex.h"

namespace numalocality {

// What each container gets, however many of the devices it has: the directory of a socket, mounted
// read-only at the same path, and an environment variable with the socket's path.
struct DeviceGift {
  std::string socket;    // absolute path, the same on the machine
  std::string variable;  // name of the environment variable
};

// Thread-safe.
class DeviceService final : public grpc::CallbackGenericService {
 public:
  DeviceService(int device_count, DeviceGift gift)
      : device_count_(device_count), gift_(std::move(gift)) {}

  // Notifies kubelet, if this is new, whether devices may be allocated.
  void SetHealthy(bool healthy);

  // Whether kubelet watches the devices.
  bool IsWatched() const;

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  class Answer;
  class Watch;

  // The response, serialized. UNIMPLEMENTED for other methods, INVALID_ARGUMENT for other messages.
  absl::StatusOr<std::string> Respond(absl::string_view method, const std::string& request) const;
  std::string Devices() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int device_count_;
  const DeviceGift gift_;
  mutable Mutex mutex_;
  bool healthy_ ABSL_GUARDED_BY(mutex_) = true;
  std::set<Watch*> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_DEVICE_SERVICE_H_
