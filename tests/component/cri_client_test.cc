// The client of the container runtime, against a server that handles raw bytes.
#include "agent/runtime/cri_client.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/component/wire_server.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::cri_client_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kUpdate[] = "/runtime.v1.RuntimeService/UpdateContainerResources";
constexpr char kVersion[] = "/runtime.v1.RuntimeService/Version";

class CriClientTest : public ::testing::Test {
 protected:
  TempTree tree_;
  const std::string socket_ = tree_.Path("cri.sock");
  WireServer server_{socket_};
  CriClient client_{socket_};
};

TEST_F(CriClientTest, SetsMems) {
  server_.Answer(kUpdate, {grpc::Status::OK, {""}, false});
  EXPECT_TRUE(client_.SetMems("abc", {NodeId{0}, NodeId{1}, NodeId{2}}).ok());
  // container_id = 1: "abc"; linux = 2: {cpuset_mems = 7: "0-2"}
  EXPECT_EQ(server_.Request(kUpdate), std::string("\x0a\x03"
                                                  "abc"
                                                  "\x12\x05\x3a\x03"
                                                  "0-2"));
}

TEST_F(CriClientTest, DescribesTheRuntime) {
  // version = 1, runtime_name = 2, runtime_version = 3
  const std::string answer(
      "\x0a\x05"
      "0.1.0"
      "\x12\x0a"
      "containerd"
      "\x1a\x07"
      "v1.6.20");
  server_.Answer(kVersion, {grpc::Status::OK, {answer}, false});
  const auto name = client_.Describe();
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(*name, "containerd v1.6.20");
  EXPECT_EQ(client_.address(), socket_);
}

TEST_F(CriClientTest, PassesOnTheRuntimesMessage) {
  const grpc::Status gone(grpc::StatusCode::NOT_FOUND, "no such\ncontainer");
  server_.Answer(kUpdate, {gone, {}, false});
  const absl::Status status = client_.SetMems("abc", {NodeId{0}});
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(socket_), HasSubstr("UpdateContainerResources"),
                    HasSubstr("no such\\u000acontainer")));
}

TEST(CriClientAloneTest, WithoutARuntimeIsUnavailable) {
  TempTree tree;
  const absl::Status status = CriClient(tree.Path("none.sock")).Describe().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("none.sock"));
}

TEST(MakeContainerResourcesTest, IsTheConfiguredRuntime) {
  SourceOptions options;
  options.cri_socket = "";
  EXPECT_EQ(MakeContainerResources(options), nullptr);
  options.cri_socket = "/run/cri.sock";
  EXPECT_EQ(MakeContainerResources(options)->address(), "/run/cri.sock");
}

}  // namespace
}  // namespace numalocality::cri_client_test
