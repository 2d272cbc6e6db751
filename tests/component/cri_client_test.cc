// The client of the container runtime against a server that knows the wire only.
#include "agent/runtime/cri_client.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Answers every call with `answer`, and remembers what was asked, in bytes.
class WireServer final : public grpc::CallbackGenericService {
 public:
  explicit WireServer(const std::string& socket) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~WireServer() override { server_->Shutdown(); }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    method = context->method();
    return new Reactor(*this);
  }

  std::string answer;
  grpc::Status status;
  std::string method;
  std::string request;

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Reactor(WireServer& server) : server_(server) { StartRead(&buffer_); }
    void OnReadDone(bool) override {
      grpc::Slice slice;
      buffer_.DumpToSingleSlice(&slice);
      server_.request.assign(reinterpret_cast<const char*>(slice.begin()), slice.size());
      if (!server_.status.ok()) return Finish(server_.status);
      grpc::Slice reply(server_.answer);
      buffer_ = grpc::ByteBuffer(&reply, 1);
      StartWriteAndFinish(&buffer_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    WireServer& server_;
    grpc::ByteBuffer buffer_;
  };

  std::unique_ptr<grpc::Server> server_;
};

class CriClientTest : public ::testing::Test {
 protected:
  TempTree tree_;
  const std::string socket_ = tree_.Path("cri.sock");
  WireServer server_{socket_};
  CriClient client_{socket_};
};

TEST_F(CriClientTest, SetsMems) {
  EXPECT_TRUE(client_.SetMems("abc", {NodeId{0}, NodeId{1}, NodeId{2}}).ok());
  EXPECT_EQ(server_.method, "/runtime.v1.RuntimeService/UpdateContainerResources");
  // container_id = 1: "abc"; linux = 2: {cpuset_mems = 7: "0-2"}
  EXPECT_EQ(server_.request, std::string("\x0a\x03"
                                         "abc"
                                         "\x12\x05\x3a\x03"
                                         "0-2"));
}

TEST_F(CriClientTest, AsksWhoAnswers) {
  // version = 1, runtime_name = 2, runtime_version = 3
  server_.answer = std::string(
      "\x0a\x05"
      "0.1.0"
      "\x12\x0a"
      "containerd"
      "\x1a\x07"
      "v1.6.20");
  const auto name = client_.Describe();
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(*name, "containerd v1.6.20");
  EXPECT_EQ(server_.method, "/runtime.v1.RuntimeService/Version");
  EXPECT_EQ(client_.address(), socket_);
}

TEST_F(CriClientTest, PassesTheRuntimesWordsOn) {
  server_.status = {grpc::StatusCode::NOT_FOUND, "no such\ncontainer"};
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

}  // namespace
}  // namespace numalocality
