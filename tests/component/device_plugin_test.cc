// The device plugin, with a kubelet that starts, restarts and refuses.
#include "agent/runtime/device_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "tests/component/fake_kubelet.h"
#include "tests/component/wait.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::device_plugin_test {
namespace {

using ::testing::HasSubstr;

constexpr char kSelfSocket[] = "/run/numa-locality-self/self.sock";

class DevicePluginTest : public ::testing::Test {
 protected:
  // Until the condition holds: what gRPC has to notice by itself.
  bool StepUntil(const std::function<bool()>& condition) {
    return WaitUntil([&] {
      plugin_.Step();
      return condition();
    });
  }
  std::string Message() const { return std::string(plugin_.Status().last_read.message()); }
  std::unique_ptr<FakeKubelet> StartKubelet() {
    return std::make_unique<FakeKubelet>(tree_.Path("device-plugins"));
  }
  // A kubelet that watches the devices.
  std::unique_ptr<FakeKubelet> StartAndWatch() {
    auto kubelet = StartKubelet();
    EXPECT_TRUE(StepUntil([&] { return kubelet->registration_count() > 0; })) << Message();
    kubelet->Watch();
    EXPECT_EQ(kubelet->NextDevices().size(), 3u);
    plugin_.Step();
    EXPECT_TRUE(plugin_.Status().last_read.ok()) << Message();
    return kubelet;
  }

  TempTree tree_;
  FakeClock clock_;
  absl::Status self_socket_;
  DevicePlugin plugin_{{tree_.root(), 3, kSelfSocket, [this] { return self_socket_; }}, clock_};
};

TEST_F(DevicePluginTest, RegistersTheResource) {
  tree_.MakeDirectory("device-plugins");
  const auto kubelet = StartAndWatch();
  EXPECT_EQ(kubelet->registration().version(), "v1beta1");
  EXPECT_EQ(kubelet->registration().resource_name(), "numa-locality.io/self");
  EXPECT_EQ(kubelet->registration_count(), 1);
  runtime::v1::DevicePluginOptions options;
  EXPECT_TRUE(
      kubelet->Call("GetDevicePluginOptions", runtime::v1::RegisterResponse(), options).ok());
  EXPECT_EQ(options.ByteSizeLong(), 0u) << "no optional calls";
}

TEST_F(DevicePluginTest, EachContainerGetsTheSocketOnce) {
  tree_.MakeDirectory("device-plugins");
  const auto kubelet = StartAndWatch();
  runtime::v1::AllocateRequest request;
  request.add_container_requests()->add_device_ids("self-0");
  runtime::v1::ContainerAllocateRequest* both = request.add_container_requests();
  both->add_device_ids("self-1");
  both->add_device_ids("self-2");
  runtime::v1::AllocateResponse response;
  ASSERT_TRUE(kubelet->Call("Allocate", request, response).ok());
  ASSERT_EQ(response.container_responses_size(), 2);
  for (const auto& container : response.container_responses()) {
    EXPECT_EQ(container.envs().size(), 1u);
    EXPECT_EQ(container.envs().at("NUMA_LOCALITY_SELF_SOCKET"), kSelfSocket);
    ASSERT_EQ(container.mounts_size(), 1);
    EXPECT_EQ(container.mounts(0).container_path(), "/run/numa-locality-self");
    EXPECT_EQ(container.mounts(0).host_path(), "/run/numa-locality-self");
    EXPECT_TRUE(container.mounts(0).read_only());
  }
  EXPECT_TRUE(absl::IsUnimplemented(kubelet->Call("PreStartContainer", request, response)));
}

// The bytes, since kubelet has other message types than the agent.
TEST_F(DevicePluginTest, SpeaksKubeletsWireFormat) {
  runtime::v1::RegisterRequest request;
  request.set_version("v1beta1");
  request.set_endpoint("e");
  request.set_resource_name("r");
  EXPECT_EQ(request.SerializeAsString(),
            "\x0a\x07v1beta1\x12\x01"
            "e\x1a\x01"
            "r");
  runtime::v1::ListAndWatchResponse devices;
  devices.add_devices()->set_id("i");
  devices.mutable_devices(0)->set_health("Healthy");
  EXPECT_EQ(devices.SerializeAsString(), "\x0a\x0c\x0a\x01i\x12\x07Healthy");
  runtime::v1::AllocateRequest allocate;
  ASSERT_TRUE(
      allocate.ParseFromString("\x0a\x06\x0a\x01"
                               "a\x0a\x01"
                               "b"));
  EXPECT_EQ(allocate.container_requests(0).device_ids_size(), 2);
  runtime::v1::AllocateResponse allocated;
  runtime::v1::ContainerAllocateResponse* container = allocated.add_container_responses();
  (*container->mutable_envs())["k"] = "v";
  container->add_mounts()->set_container_path("c");
  container->mutable_mounts(0)->set_host_path("h");
  container->mutable_mounts(0)->set_read_only(true);
  EXPECT_EQ(allocated.SerializeAsString(),
            "\x0a\x12\x0a\x06\x0a\x01k\x12\x01v\x12\x08\x0a\x01"
            "c\x12\x01h\x18\x01");
}

TEST_F(DevicePluginTest, RegistersAgainAfterARestartOfKubelet) {
  tree_.MakeDirectory("device-plugins");
  auto kubelet = StartAndWatch();
  kubelet.reset();
  kubelet = StartAndWatch();  // it has removed the plugin's socket
  EXPECT_EQ(kubelet->registration_count(), 1);
}

TEST_F(DevicePluginTest, ASocketThatIsRemovedIsMadeAgain) {
  tree_.MakeDirectory("device-plugins");
  const auto kubelet = StartAndWatch();
  const std::string socket = tree_.Path("device-plugins/" + kubelet->registration().endpoint());
  ASSERT_TRUE(std::filesystem::remove(socket));
  EXPECT_TRUE(StepUntil([&] { return kubelet->registration_count() == 2; })) << Message();
  EXPECT_TRUE(std::filesystem::exists(socket));
  kubelet->Watch();
  EXPECT_EQ(kubelet->NextDevices().size(), 3u);
}

TEST_F(DevicePluginTest, RegistersAgainWithDelaysWhileKubeletDoesNotWatch) {
  tree_.MakeDirectory("device-plugins");
  const auto kubelet = StartKubelet();
  plugin_.Step();
  plugin_.Step();
  EXPECT_EQ(kubelet->registration_count(), 1);
  EXPECT_TRUE(absl::IsUnavailable(plugin_.Status().last_read));
  EXPECT_THAT(Message(), HasSubstr("does not watch the devices yet"));
  clock_.Advance(absl::Seconds(1));
  plugin_.Step();
  EXPECT_EQ(kubelet->registration_count(), 2);
  clock_.Advance(absl::Seconds(1));
  plugin_.Step();
  EXPECT_EQ(kubelet->registration_count(), 2);
}

TEST_F(DevicePluginTest, UnhealthyDevicesAreReported) {
  tree_.MakeDirectory("device-plugins");
  const auto kubelet = StartAndWatch();
  self_socket_ = absl::UnavailableError("the self socket is gone");
  plugin_.Step();
  EXPECT_EQ(kubelet->NextDevices()[0].health(), "Unhealthy");
  EXPECT_EQ(Message(), "the self socket is gone");
  self_socket_ = absl::OkStatus();
  plugin_.Step();
  EXPECT_EQ(kubelet->NextDevices()[2].health(), "Healthy");
  EXPECT_TRUE(plugin_.Status().last_read.ok());
}

TEST_F(DevicePluginTest, WhatIsMissingIsNamed) {
  plugin_.Step();
  EXPECT_TRUE(plugin_.Status().IsAbsent()) << plugin_.Status().last_read;
  EXPECT_THAT(Message(), HasSubstr("device-plugins/: does not exist; mount it"));
  tree_.MakeDirectory("device-plugins");
  plugin_.Step();
  EXPECT_TRUE(plugin_.Status().IsAbsent()) << plugin_.Status().last_read;
  EXPECT_THAT(Message(), HasSubstr("kubelet.sock: kubelet does not listen there"));

  const auto kubelet = StartKubelet();
  kubelet->Refuse("resource is taken");
  plugin_.Step();
  EXPECT_FALSE(plugin_.Status().IsAbsent()) << plugin_.Status().last_read;
  EXPECT_THAT(Message(), HasSubstr("Register: resource is taken"));
}

TEST_F(DevicePluginTest, WorksByItself) {
  tree_.MakeDirectory("device-plugins");
  plugin_.Start();
  auto kubelet = StartKubelet();
  ASSERT_TRUE(WaitUntil([&] { return kubelet->registration_count() > 0; }));
  kubelet->Watch();
  EXPECT_EQ(kubelet->NextDevices().size(), 3u);
  plugin_.Stop();
  EXPECT_TRUE(kubelet->NextDevices().empty()) << "the stream has ended";
}

}  // namespace
}  // namespace numalocality::device_plugin_test
