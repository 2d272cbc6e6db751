// The device plugin, which gives the self socket to pods that may not mount directories of the
// machine: a container that has a unit of the extended resource numa-locality.io/self in its limits
// gets the socket's directory and its path.
#ifndef NUMALOCALITY_AGENT_RUNTIME_DEVICE_PLUGIN_H_
#define NUMALOCALITY_AGENT_RUNTIME_DEVICE_PLUGIN_H_

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/base/retry_delay.h"
#include "agent/engine/workload/name_source.h"
#include "agent/os/base/file.h"
#include "agent/runtime/daemon.h"
#include "agent/runtime/device_service.h"

namespace numalocality {

inline constexpr char kSelfResource[] = "numa-locality.io/self";
// The environment variable with the self socket's path.
inline constexpr char kSelfVariable[] = "NUMA_LOCALITY_SELF_SOCKET";

struct SelfDevices {
  std::string kubelet_dir;              // with the directory device-plugins
  int count = 0;                        // units of the resource
  std::string socket;                   // the self socket
  std::function<absl::Status()> check;  // whether the self socket is served
};

// Thread-safe, except for the methods that say otherwise.
class DevicePlugin {
 public:
  // How often the thread makes a step.
  static constexpr absl::Duration kPeriod = absl::Seconds(1);

  // `clock` must outlive this.
  DevicePlugin(SelfDevices devices, const Clock& clock);
  ~DevicePlugin() { Stop(); }

  // Starts a thread that makes steps. Call once.
  void Start();
  // Ends the thread and the service: kubelet allocates no devices any more.
  void Stop();

  // One step, for one thread at a time. Serves DevicePlugin in kubelet's directory, again if its
  // socket is gone, because kubelet empties the directory at its start. Registers the resource with
  // kubelet, again if kubelet has restarted or does not watch the devices.
  void Step();

  // OK while kubelet watches the devices. NOT_FOUND if kubelet or its directory does not exist.
  SourceStatus Status() const;

 private:
  absl::Status MakeStep();
  absl::Status Serve();
  void EndService();
  absl::Status Register() const;

  const SelfDevices devices_;
  const Clock& clock_;
  const std::string own_socket_;
  Daemon kubelet_;
  std::unique_ptr<DeviceService> service_;
  std::unique_ptr<grpc::Server> server_;   // of service_; null: none
  FileVersion served_;                     // own_socket_, as server_ made it
  std::optional<FileVersion> registered_;  // kubelet's socket, as it was at the latest step
  absl::Duration next_registration_ = -absl::InfiniteDuration();  // monotonic
  RetryDelay retry_;
  std::minstd_rand random_{std::random_device()()};
  absl::Status logged_ = absl::UnknownError("nothing yet");

  mutable Mutex mutex_;
  ConditionVariable stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  SourceStatus status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_DEVICE_PLUGIN_H_
