#include "agent/runtime/device_service.h"

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "numalocality/runtime/v1/device_plugin.pb.h"

namespace numalocality {
namespace {

namespace kubelet_api = ::numalocality::runtime::v1;

grpc::ByteBuffer ToBuffer(const std::string& message) {
  const grpc::Slice slice(message);
  return {&slice, 1};
}

std::string FromBuffer(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  return buffer.DumpToSingleSlice(&slice).ok() ? std::string(slice.begin(), slice.end()) : "";
}

kubelet_api::AllocateResponse GiftFor(const kubelet_api::AllocateRequest& request,
                                      const DeviceGift& gift) {
  const std::string directory = std::filesystem::path(gift.socket).parent_path();
  kubelet_api::AllocateResponse response;
  for (int i = 0; i < request.container_requests_size(); ++i) {
    kubelet_api::ContainerAllocateResponse* container = response.add_container_responses();
    (*container->mutable_envs())[gift.variable] = gift.socket;
    kubelet_api::Mount* mount = container->add_mounts();
    mount->set_container_path(directory);
    mount->set_host_path(directory);
    mount->set_read_only(true);
  }
  return response;
}

}  // namespace

// A call with one response.
class DeviceService::Answer final : public grpc::ServerGenericBidiReactor {
 public:
  Answer(const DeviceService& service, std::string method)
      : service_(service), method_(std::move(method)) {
    StartRead(&buffer_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    const auto response = service_.Respond(method_, FromBuffer(buffer_));
    if (!response.ok()) {
      return Finish({static_cast<grpc::StatusCode>(response.status().code()),
                     std::string(response.status().message())});
    }
    buffer_ = ToBuffer(*response);
    StartWriteAndFinish(&buffer_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  const DeviceService& service_;
  const std::string method_;
  grpc::ByteBuffer buffer_;
};

// A call of ListAndWatch, which lasts until kubelet ends it.
class DeviceService::Watch final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Watch(DeviceService& service) : service_(service) {
    MutexLock lock(service_.mutex_);
    service_.watches_.insert(this);
    Send(service_.Devices());
  }

  // Call these under the service's lock.
  void Send(const std::string& devices) {
    next_ = devices;
    has_next_ = true;
    if (!writing_) WriteNext();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(service_.mutex_);
    writing_ = false;
    if (cancelled_) {
      Finish(grpc::Status::CANCELLED);
    } else if (ok && has_next_) {
      WriteNext();
    }
  }
  void OnCancel() override {
    MutexLock lock(service_.mutex_);
    cancelled_ = true;
    service_.watches_.erase(this);
    if (!writing_) Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    writing_ = true;
    has_next_ = false;
    buffer_ = ToBuffer(next_);
    StartWrite(&buffer_);
  }

  // The members are guarded by the service's lock.
  DeviceService& service_;
  std::string next_;
  bool has_next_ = false;
  bool writing_ = false;
  bool cancelled_ = false;
  grpc::ByteBuffer buffer_;
};

void DeviceService::SetHealthy(bool healthy) {
  MutexLock lock(mutex_);
  if (healthy_ == healthy) return;
  healthy_ = healthy;
  for (Watch* const watch : watches_) watch->Send(Devices());
}

bool DeviceService::IsWatched() const {
  MutexLock lock(mutex_);
  return !watches_.empty();
}

grpc::ServerGenericBidiReactor* DeviceService::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  if (context->method() == "/v1beta1.DevicePlugin/ListAndWatch") return new Watch(*this);
  return new Answer(*this, context->method());
}

absl::StatusOr<std::string> DeviceService::Respond(absl::string_view method,
                                                   const std::string& request) const {
  if (method == "/v1beta1.DevicePlugin/GetDevicePluginOptions") {
    return kubelet_api::DevicePluginOptions().SerializeAsString();
  }
  if (method != "/v1beta1.DevicePlugin/Allocate") {
    return absl::UnimplementedError(absl::StrCat("method ", method, " is not served"));
  }
  kubelet_api::AllocateRequest allocation;
  if (!allocation.ParseFromString(request)) {
    return absl::InvalidArgumentError("Allocate: the request is not an AllocateRequest");
  }
  return GiftFor(allocation, gift_).SerializeAsString();
}

std::string DeviceService::Devices() const {
  kubelet_api::ListAndWatchResponse response;
  for (int i = 0; i < device_count_; ++i) {
    kubelet_api::Device* device = response.add_devices();
    device->set_id(absl::StrCat("self-", i));
    device->set_health(healthy_ ? "Healthy" : "Unhealthy");
  }
  return response.SerializeAsString();
}

}  // namespace numalocality
