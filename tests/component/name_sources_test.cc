// The name sources that are daemons, and NameDirectory, which reads them, against servers that
// replace the container runtime and kubelet.
#include "agent/runtime/name_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/runtime/cri_client.h"
#include "agent/runtime/pod_resources_client.h"
#include "numalocality/runtime/v1/pod_resources.pb.h"
#include "numalocality/runtime/v1/runtime.pb.h"
#include "tests/component/wait.h"
#include "tests/component/wire_server.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::name_sources_test {
namespace {

namespace wire = ::numalocality::runtime::v1;

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSandboxes[] = "/runtime.v1.RuntimeService/ListPodSandbox";
constexpr char kContainers[] = "/runtime.v1.RuntimeService/ListContainers";
constexpr char kPodResources[] = "/v1.PodResourcesLister/List";
constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
const ContainerNames kNames{"shop", "db-0", "mysql"};

std::string Id(char digit) { return std::string(64, digit); }

void AddSandbox(wire::ListPodSandboxResponse& list, char id, int state, const std::string& app) {
  wire::PodSandbox* sandbox = list.add_items();
  sandbox->set_id(Id(id));
  sandbox->mutable_metadata()->set_uid(kUid);
  sandbox->mutable_metadata()->set_namespace_(kNames.pod_namespace);
  sandbox->mutable_metadata()->set_name(kNames.pod);
  sandbox->set_state(state);
  (*sandbox->mutable_labels())["app"] = app;
  (*sandbox->mutable_annotations())["numa-locality.io/policy"] = "off";
  (*sandbox->mutable_annotations())["manifest"] = std::string(1025, 'x');
}

void AddContainer(wire::ListContainersResponse& list, char id, char sandbox, int state) {
  wire::Container* container = list.add_containers();
  container->set_id(Id(id));
  container->set_pod_sandbox_id(Id(sandbox));
  container->mutable_metadata()->set_name(kNames.container);
  container->set_state(state);
}

// The responses of containerd for a pod whose sandbox was created twice and whose container was
// restarted.
void ServeCri(WireServer& server) {
  wire::ListPodSandboxResponse sandboxes;
  AddSandbox(sandboxes, 'b', 0, "now");
  AddSandbox(sandboxes, 'a', 1, "before");
  server.Answer(kSandboxes, sandboxes);
  wire::ListContainersResponse containers;
  AddContainer(containers, '1', 'a', 2);
  AddContainer(containers, '2', 'b', 1);
  AddContainer(containers, '3', 'z', 1);
  server.Answer(kContainers, containers);
}

void ServePodResources(WireServer& server) {
  wire::ListPodResourcesResponse pods;
  wire::PodResources* pod = pods.add_pod_resources();
  pod->set_namespace_(kNames.pod_namespace);
  pod->set_name(kNames.pod);
  wire::ContainerAssignment* container = pod->add_containers();
  container->set_name(kNames.container);
  container->add_cpu_ids(4);
  container->add_cpu_ids(5);
  for (const int node : {0, 1}) {
    container->add_memory()->mutable_topology()->add_nodes()->set_id(node);
  }
  pod->add_containers()->set_name("sidecar");
  server.Answer(kPodResources, pods);
}

class NameSourcesTest : public ::testing::Test {
 protected:
  NameSourcesTest() { tree_.MakeDirectory("kubelet/pod-resources"); }

  TempTree tree_;
  const std::string cri_socket_ = tree_.Path("cri.sock");
  const std::string kubelet_socket_ = tree_.Path("kubelet/pod-resources/kubelet.sock");
  CriNames cri_{cri_socket_};
  PodResourcesClient kubelet_{tree_.Path("kubelet")};
};

TEST_F(NameSourcesTest, TheRuntimeNamesPodsAndContainers) {
  WireServer server(cri_socket_);
  ServeCri(server);
  const auto known = cri_.Read();
  ASSERT_TRUE(known.ok()) << known.status();
  ASSERT_EQ(known->size(), 3u) << "two sandboxes, one container that runs in one of them";
  EXPECT_EQ((*known)[0].container_id, Id('a')) << "what has ended comes first";
  const KnownContainer& sandbox = (*known)[1];
  EXPECT_EQ(sandbox.container_id, Id('b'));
  EXPECT_EQ(sandbox.pod_uid, kUid);
  EXPECT_EQ(sandbox.description.role, ContainerRole::kSandbox);
  EXPECT_EQ(sandbox.description.names, (ContainerNames{"shop", "db-0", ""}));
  EXPECT_EQ(sandbox.description.metadata,
            (PodMetadata{{{"app", "now"}}, {{"numa-locality.io/policy", "off"}}}));
  const KnownContainer& container = (*known)[2];
  EXPECT_EQ(container.container_id, Id('2'));
  EXPECT_EQ(container.pod_uid, kUid);
  EXPECT_EQ(container.description.names, kNames);
}

TEST_F(NameSourcesTest, KubeletReportsItsAssignments) {
  WireServer server(kubelet_socket_);
  ServePodResources(server);
  const auto known = kubelet_.Read();
  ASSERT_TRUE(known.ok()) << known.status();
  ASSERT_EQ(known->size(), 2u);
  EXPECT_EQ((*known)[0].description.names, kNames);
  EXPECT_EQ((*known)[0].description.assignment,
            (KubeletAssignment{{CpuId{4}, CpuId{5}}, {NodeId{0}, NodeId{1}}}));
  EXPECT_EQ((*known)[1].description.names.container, "sidecar");
  EXPECT_EQ((*known)[1].description.assignment, std::nullopt);
}

TEST_F(NameSourcesTest, LongListsAreRead) {
  WireServer server(cri_socket_);
  wire::ListPodSandboxResponse sandboxes;
  AddSandbox(sandboxes, 'a', 0, "now");
  (*sandboxes.mutable_items(0)->mutable_annotations())["x"] = std::string(5 << 20, 'x');
  server.Answer(kSandboxes, sandboxes);
  server.Answer(kContainers, wire::ListContainersResponse());
  const auto known = cri_.Read();
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->front().description.metadata,
            (PodMetadata{{{"app", "now"}}, {{"numa-locality.io/policy", "off"}}}));
}

// Its labels count as unknown, so that no policy matches a part of them.
TEST_F(NameSourcesTest, OfAPodWithTooManyLabelsOnlyTheNamesAreKept) {
  WireServer server(cri_socket_);
  wire::ListPodSandboxResponse sandboxes;
  AddSandbox(sandboxes, 'a', 0, "now");
  for (int i = 0; i < 300; ++i) {
    (*sandboxes.mutable_items(0)->mutable_labels())[absl::StrCat("l", i)] = std::string(63, 'x');
  }
  server.Answer(kSandboxes, sandboxes);
  server.Answer(kContainers, wire::ListContainersResponse());
  const auto known = cri_.Read();
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->front().description.names.pod, kNames.pod);
  EXPECT_EQ(known->front().description.metadata, std::nullopt);
}

// A runtime whose whole answers exceed gRPC's limit.
class LargeAnswersTest : public NameSourcesTest {
 protected:
  static WireAnswer TooLarge() {
    return {{grpc::StatusCode::RESOURCE_EXHAUSTED, "trying to send message larger than max"},
            {},
            false};
  }
  template <typename Message>
  static WireAnswer Just(const Message& message) {
    return {grpc::Status::OK, {message.SerializeAsString()}, false};
  }
  template <typename Request>
  static Request Of(char id) {
    Request request;
    request.mutable_filter()->set_id(Id(id));
    return request;
  }
  void ServeSandbox(char id) {
    wire::ListPodSandboxResponse one;
    AddSandbox(one, id, 0, std::string(1, id));
    server_.AnswerTo(kSandboxes, Of<wire::ListPodSandboxRequest>(id), Just(one));
  }
  void ServeContainer(char id, char sandbox) {
    wire::ListContainersResponse one;
    AddContainer(one, id, sandbox, 1);
    server_.AnswerTo(kContainers, Of<wire::ListContainersRequest>(id), Just(one));
  }
  std::vector<std::string> IdsOf(const absl::StatusOr<std::vector<KnownContainer>>& known) {
    std::vector<std::string> ids;
    for (const KnownContainer& each : *known) ids.push_back(each.container_id.substr(0, 1));
    return ids;
  }

  WireServer server_{cri_socket_};
};

TEST_F(LargeAnswersTest, SandboxesAreListedOneByOneAndAHostileOneIsLeftOut) {
  server_.Answer(kSandboxes, TooLarge());
  wire::ListContainersResponse containers;
  AddContainer(containers, '1', 'a', 1);
  AddContainer(containers, '2', 'b', 1);
  AddContainer(containers, '3', 'c', 1);
  server_.Answer(kContainers, containers);
  ServeSandbox('a');
  ServeSandbox('c');
  const auto known = cri_.Read();  // 'b' alone is too large, too
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_THAT(IdsOf(known), ElementsAre("a", "c", "1", "3"));
}

TEST_F(LargeAnswersTest, BothListsAreMadeOfTheCgroupsIds) {
  server_.Answer(kSandboxes, TooLarge());
  server_.Answer(kContainers, TooLarge());
  ServeSandbox('a');
  ServeSandbox('b');
  ServeContainer('1', 'a');
  for (const char id : {'a', 'b'}) {  // they are no containers
    server_.AnswerTo(kContainers, Of<wire::ListContainersRequest>(id),
                     Just(wire::ListContainersResponse()));
  }
  CriNames cri(cri_socket_, [] { return std::vector<std::string>{Id('a'), Id('b'), Id('1')}; });
  const auto known = cri.Read();
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_THAT(IdsOf(known), ElementsAre("a", "b", "1"));
}

TEST_F(NameSourcesTest, OldDaemonsAreUnimplemented) {
  const WireServer runtime(cri_socket_);
  const WireServer kubelet(kubelet_socket_);
  for (const absl::Status& status : {cri_.Read().status(), kubelet_.Read().status()}) {
    EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  }
}

TEST_F(NameSourcesTest, WithoutDaemonsTheErrorsSaySo) {
  const absl::Status runtime = cri_.Read().status();
  EXPECT_TRUE(absl::IsUnavailable(runtime)) << runtime;
  EXPECT_THAT(std::string(runtime.message()), HasSubstr(cri_socket_));
  const absl::Status kubelet = kubelet_.Read().status();
  EXPECT_TRUE(absl::IsNotFound(kubelet)) << kubelet;
  EXPECT_THAT(std::string(kubelet.message()), HasSubstr(kubelet_socket_));
}

TEST_F(NameSourcesTest, ARuntimeThatHangsCanBeLeft) {
  WireServer server(cri_socket_);
  server.Answer(kSandboxes, WireAnswer{grpc::Status::OK, {}, true});
  std::thread canceller([this] {
    absl::SleepFor(absl::Milliseconds(200));
    cri_.Cancel();
  });
  const absl::Status status = cri_.Read().status();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  canceller.join();
}

TEST_F(NameSourcesTest, AreThoseThatAreConfigured) {
  const auto ids = [](const SourceOptions& options) {
    std::string result;
    for (const auto& source : MakeNameSources(options, Host()))
      absl::StrAppend(&result, source->id(), " ");
    return result;
  };
  EXPECT_EQ(ids({}), "pod_resources kubelet_state pod_logs ");
  EXPECT_EQ(ids({"/run/cri.sock", "", "", false}), "cri ");
  EXPECT_EQ(ids({"/run/cri.sock", "/k", "/l", false}), "cri pod_resources kubelet_state pod_logs ");
}

// All together: daemons start, stop and restart at the same path while the directory's thread runs.
TEST_F(NameSourcesTest, NamesReturnByThemselves) {
  NameDirectory directory(MakeNameSources({cri_socket_, tree_.Path("kubelet"), "", false}, Host()),
                          Clock::System());
  directory.Start();
  const ContainerRef container{kUid, Id('2'), QosClass::kGuaranteed};
  const auto status = [&](size_t index) { return directory.Status()[index].last_read; };
  EXPECT_TRUE(WaitUntil([&] { return absl::IsUnavailable(status(0)); }));
  EXPECT_EQ(directory.Describe(container), ContainerDescription());

  auto runtime = std::make_unique<WireServer>(cri_socket_);
  ServeCri(*runtime);
  auto kubelet = std::make_unique<WireServer>(kubelet_socket_);
  ServePodResources(*kubelet);
  EXPECT_TRUE(WaitUntil([&] { return directory.Describe(container).assignment.has_value(); }));
  EXPECT_TRUE(WaitUntil([&] { return directory.NamesOf(container) == kNames; }));

  runtime.reset();
  directory.Nudge();
  EXPECT_TRUE(WaitUntil([&] { return absl::IsUnavailable(status(0)); }));
  EXPECT_EQ(directory.NamesOf(container), kNames) << "kept";

  runtime = std::make_unique<WireServer>(cri_socket_);
  wire::ListPodSandboxResponse sandboxes;
  AddSandbox(sandboxes, 'b', 0, "later");
  runtime->Answer(kSandboxes, sandboxes);
  runtime->Answer(kContainers, wire::ListContainersResponse());
  EXPECT_TRUE(WaitUntil(
      [&] { return directory.Describe(container).metadata->labels.at("app") == "later"; }));
  EXPECT_TRUE(status(0).ok());
}

}  // namespace
}  // namespace numalocality::name_sources_test
