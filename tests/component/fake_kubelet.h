// Kubelet as a device plugin sees it, from its start to its end: it empties its directory, accepts
// registrations on kubelet.sock, and calls the plugin. Real gRPC.
#ifndef NUMALOCALITY_TESTS_COMPONENT_FAKE_KUBELET_H_
#define NUMALOCALITY_TESTS_COMPONENT_FAKE_KUBELET_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/runtime/daemon.h"
#include "numalocality/runtime/v1/device_plugin.pb.h"
#include "tests/component/wire_server.h"

namespace numalocality {

class FakeKubelet {
 public:
  // `directory`: of device plugins.
  explicit FakeKubelet(const std::string& directory) : directory_(directory) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      std::filesystem::remove(entry);
    }
    server_ = std::make_unique<WireServer>(directory + "/kubelet.sock");
    server_->Answer(kRegister, runtime::v1::RegisterResponse());
  }

  void Refuse(const std::string& why) {
    server_->Answer(kRegister, WireAnswer{{grpc::StatusCode::UNKNOWN, why}, {}, false});
  }

  int registration_count() const { return server_->Count(kRegister); }
  runtime::v1::RegisterRequest registration() const {
    runtime::v1::RegisterRequest request;
    request.ParseFromString(server_->Request(kRegister));
    return request;
  }

  // Opens the stream of devices, which lasts as long as this kubelet.
  void Watch() {
    watch_ = std::make_unique<Stream>();
    channel_ = ConnectTo(plugin());
    const grpc::internal::RpcMethod method("/v1beta1.DevicePlugin/ListAndWatch",
                                           grpc::internal::RpcMethod::SERVER_STREAMING, channel_);
    watch_->reader.reset(
        grpc::internal::ClientReaderFactory<runtime::v1::ListAndWatchResponse>::Create(
            channel_.get(), method, &watch_->context, runtime::v1::RegisterResponse()));
  }
  // The next message of the stream; waits for it. Empty if the stream has ended.
  std::vector<runtime::v1::Device> NextDevices() {
    runtime::v1::ListAndWatchResponse response;
    if (!watch_->reader->Read(&response)) return {};
    return {response.devices().begin(), response.devices().end()};
  }

  absl::Status Call(const std::string& method, const google::protobuf::MessageLite& request,
                    google::protobuf::MessageLite& response) {
    return Daemon("plugin", plugin(), "v1beta1.DevicePlugin")
        .Call(method, request, response, absl::Seconds(10));
  }

 private:
  static constexpr char kRegister[] = "/v1beta1.Registration/Register";

  struct Stream {
    ~Stream() { context.TryCancel(); }
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<runtime::v1::ListAndWatchResponse>> reader;
  };

  std::string plugin() const { return directory_ + "/" + registration().endpoint(); }

  const std::string directory_;
  std::unique_ptr<WireServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stream> watch_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_FAKE_KUBELET_H_
