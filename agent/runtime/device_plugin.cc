#include "agent/runtime/device_plugin.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "numalocality/runtime/v1/device_plugin.pb.h"

namespace numalocality {
namespace {

constexpr char kApiVersion[] = "v1beta1";
constexpr char kEndpoint[] = "numa-locality-self.sock";
constexpr absl::Duration kRegisterTimeout = absl::Seconds(5);

std::string PluginPath(const std::string& kubelet_dir, absl::string_view name) {
  return absl::StrCat(kubelet_dir, "/device-plugins/", name);
}

}  // namespace

DevicePlugin::DevicePlugin(SelfDevices devices, const Clock& clock)
    : devices_(std::move(devices)),
      clock_(clock),
      own_socket_(PluginPath(devices_.kubelet_dir, kEndpoint)),
      kubelet_("kubelet", PluginPath(devices_.kubelet_dir, "kubelet.sock"),
               "v1beta1.Registration") {
  status_.name = "device plugin";
  status_.id = "device_plugin";
  status_.address = kubelet_.socket();
}

void DevicePlugin::Start() {
  thread_ = std::thread([this] {
    while (true) {
      Step();
      MutexLock lock(mutex_);
      if (!stopping_) stop_.WaitFor(mutex_, kPeriod);
      if (stopping_) return;
    }
  });
}

void DevicePlugin::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.NotifyAll();
  }
  kubelet_.Cancel();
  if (thread_.joinable()) thread_.join();
  EndService();
}

void DevicePlugin::Step() {
  const absl::Status now = MakeStep();
  MutexLock lock(mutex_);
  // Not at the first step: right after a registration kubelet does not watch yet.
  if (now == status_.last_read && now != logged_) {
    logged_ = now;
    const std::string what = absl::StrCat("resource ", kSelfResource, ": ");
    if (now.ok()) {
      LogInfo(absl::StrCat(what, "kubelet watches the devices"));
    } else {
      LogWarning(absl::StrCat(what, LogSafe(now.message())));
    }
  }
  status_.last_read = now;
  if (now.ok()) status_.last_success = clock_.Now();
}

SourceStatus DevicePlugin::Status() const {
  MutexLock lock(mutex_);
  return status_;
}

absl::Status DevicePlugin::MakeStep() {
  NL_RETURN_IF_ERROR(Serve());
  const absl::Status health = devices_.check();
  service_->SetHealthy(health.ok());
  const auto kubelet = FileVersionAt(kubelet_.socket());
  if (absl::IsNotFound(kubelet.status())) {
    return absl::NotFoundError(
        absl::StrCat(kubelet_.socket(),
                     ": kubelet does not listen there; the agent registers the resource once it "
                     "does"));
  }
  if (!kubelet.ok()) return kubelet.status();
  const absl::Duration now = clock_.Monotonic();
  if (registered_ != *kubelet) {  // a new kubelet, which need not wait for the earlier one's delay
    registered_ = *kubelet;
    retry_.Reset();
    next_registration_ = now;
  }
  if (service_->IsWatched()) {
    retry_.Reset();
    return health;
  }
  if (now < next_registration_) return Status().last_read;
  next_registration_ = now + retry_.Next(random_);
  NL_RETURN_IF_ERROR(Register());
  return absl::UnavailableError(
      absl::StrCat(kubelet_.socket(),
                   ": kubelet accepted the registration, but does not watch the devices yet"));
}

absl::Status DevicePlugin::Serve() {
  auto there = FileVersionAt(own_socket_);
  if (server_ != nullptr && there.ok() && *there == served_) return absl::OkStatus();
  // First: a server removes its socket's path when it ends, whatever is there then.
  EndService();
  const std::string directory = PluginPath(devices_.kubelet_dir, "");
  const auto exists = FileVersionAt(directory);
  if (absl::IsNotFound(exists.status())) {
    return absl::NotFoundError(
        absl::StrCat(directory, ": does not exist; mount it into the agent's container, writable"));
  }
  service_ =
      std::make_unique<DeviceService>(devices_.count, DeviceGift{devices_.socket, kSelfVariable});
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("unix:", own_socket_), grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(service_.get());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return absl::UnavailableError(
        absl::StrCat(own_socket_, ": gRPC cannot listen there; mount the directory writable"));
  }
  NL_ASSIGN_OR_RETURN(served_, FileVersionAt(own_socket_));
  registered_.reset();
  return absl::OkStatus();
}

void DevicePlugin::EndService() {
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now());  // also ends kubelet's watch
    server_->Wait();
  }
  server_.reset();
  service_.reset();
}

absl::Status DevicePlugin::Register() const {
  runtime::v1::RegisterRequest request;
  request.set_version(kApiVersion);
  request.set_endpoint(kEndpoint);
  request.set_resource_name(kSelfResource);
  request.mutable_options();
  runtime::v1::RegisterResponse response;
  return kubelet_.Call("Register", request, response, kRegisterTimeout);
}

}  // namespace numalocality
