// The API as a client sees it, over a unix socket.
#include "agent/rpc/server.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "agent/base/clock.h"
#include "agent/engine/migrate/migrator.h"
#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/gate.h"

namespace numalocality::server_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kPod[] = "01234567-cccc-dddd-eeee-ffff00001111";
constexpr uint64_t kHeap = 0x10000000;
constexpr int kPages = 1000;

std::string ContainerId(char digit) { return std::string(64, digit); }

std::string ContainerPath(char digit) {
  return std::string("/kubepods/burstable/pod") + kPod + "/" + ContainerId(digit);
}

// A host with one pod of one container, process 100, whose CPUs are on node 1 and whose memory is
// on node 0; a server for it, and clients.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    const auto process = machine_.AddProcess(100, "4-7", ContainerPath('a'));
    process->AddPages(kHeap, kPages, 0);
    machine_.Publish(*process);
    machine_.AddCgroup(ContainerPath('a'), {100});
    machine_.WriteCgroupFile(ContainerPath('a'), "memory.numa_stat",
                             "anon N0=4096000 N1=0\nfile N0=8192 N1=0\nshmem N0=4096 N1=0\n");
    Served served{context_, migrator_, board_};
    served.requests = &requests_;
    auto server = Server::Start(socket_, served);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel("unix:" + socket_, grpc::InsecureChannelCredentials());
    placements_ = v1::PlacementService::NewStub(channel_);
    migrations_ = v1::MigrationService::NewStub(channel_);
  }

  ~ServerTest() override { server_->Shutdown(absl::ZeroDuration()); }

  v1::CreateMigrationRequest RequestForPod() {
    v1::CreateMigrationRequest request;
    request.add_workloads()->mutable_pod()->set_uid(kPod);
    return request;
  }

  grpc::Status Create(const v1::CreateMigrationRequest& request, v1::Migration& migration) {
    grpc::ClientContext context;
    v1::CreateMigrationResponse response;
    grpc::Status status = migrations_->CreateMigration(&context, request, &response);
    migration = response.migration();
    return status;
  }

  // The record of a migration, once it is final.
  v1::Migration WatchToTheEnd(const std::string& id) {
    grpc::ClientContext context;
    v1::WatchMigrationRequest request;
    request.set_id(id);
    const auto reader = migrations_->WatchMigration(&context, request);
    v1::WatchMigrationResponse last;
    while (reader->Read(&last)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
    return last.migration();
  }

  FakeMachine machine_;
  TempTree sockets_;
  const std::string socket_ = sockets_.root() + "/own/agent.sock";
  const EngineContext context_{machine_.kernel(), Clock::System(), machine_.host(), {}};
  Migrator migrator_{context_};
  ReportBoard board_{Clock::System()};
  FakeClock clock_;
  Watchdog requests_{clock_, [] {}};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PlacementService::Stub> placements_;
  std::unique_ptr<v1::MigrationService::Stub> migrations_;
};

TEST_F(ServerTest, SocketIsForItsOwnerOnly) {
  struct stat status {};
  ASSERT_EQ(stat((sockets_.root() + "/own").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(ServerTest, RefusesASocketThatIsServed) {
  const auto second = Server::Start(socket_, {context_, migrator_, board_});
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another agent listens there"));
}

TEST_F(ServerTest, GivesTheTopology) {
  grpc::ClientContext context;
  v1::GetTopologyResponse response;
  ASSERT_TRUE(placements_->GetTopology(&context, {}, &response).ok());
  ASSERT_EQ(response.topology().nodes_size(), 2);
  const v1::Node& node = response.topology().nodes(1);
  EXPECT_EQ(node.node_id(), 1);
  EXPECT_THAT(node.cpu_ids(), ElementsAre(4, 5, 6, 7));
  EXPECT_TRUE(node.has_memory());
  EXPECT_EQ(node.distances(0).distance(), 20);
}

TEST_F(ServerTest, GivesAPodsPlacement) {
  grpc::ClientContext context;
  v1::GetPlacementRequest request;
  request.mutable_workload()->mutable_pod()->set_uid(kPod);
  v1::GetPlacementResponse response;
  ASSERT_TRUE(placements_->GetPlacement(&context, request, &response).ok());
  ASSERT_EQ(response.placements_size(), 1);
  const v1::WorkloadPlacement& placement = response.placements(0);
  EXPECT_EQ(placement.workload().container_id(), ContainerId('a'));
  EXPECT_EQ(placement.workload().qos_class(), v1::QOS_CLASS_BURSTABLE);
  EXPECT_EQ(placement.source(), v1::PLACEMENT_VIEW_BASIC);
  EXPECT_EQ(placement.node_usages(0).anon_bytes(), 4096000);
  EXPECT_EQ(placement.node_usages(0).shmem_bytes(), 4096);
  EXPECT_EQ(placement.node_usages(0).file_bytes(), 4096) << "shmem is not counted twice";
  EXPECT_THAT(placement.home_node_ids(), ElementsAre(1));
  EXPECT_EQ(placement.local_fraction(), 0.0);
}

TEST_F(ServerTest, AReadThatDoesNotReturnIsNamed) {
  Gate in_read;
  Gate go_on;
  machine_.kernel().RunAt(FakeCall::kQuery, 1, [&] {
    in_read.Open();
    go_on.Wait();
  });
  std::thread caller([this] {
    grpc::ClientContext context;
    v1::GetPlacementRequest request;
    request.mutable_workload()->mutable_pod()->set_uid(kPod);
    request.set_view(v1::PLACEMENT_VIEW_PAGES);
    v1::GetPlacementResponse response;
    EXPECT_TRUE(placements_->GetPlacement(&context, request, &response).ok());
  });
  in_read.Wait();
  EXPECT_THAT(requests_.Stalled(), IsEmpty());
  clock_.Advance(kStalledAfter + absl::Seconds(1));
  const std::vector<StalledCall> stalled = requests_.Stalled();
  go_on.Open();
  caller.join();
  ASSERT_THAT(stalled, SizeIs(1));
  EXPECT_EQ(stalled[0].work, "request GetPlacement");
  EXPECT_THAT(stalled[0].call, HasSubstr(kPod));
  EXPECT_THAT(requests_.Stalled(), IsEmpty());
}

TEST_F(ServerTest, APlacementNamesWhatItCouldNotLocate) {
  machine_.kernel().Find(100)->At(kHeap).hidden = true;
  grpc::ClientContext context;
  v1::GetPlacementRequest request;
  request.mutable_workload()->set_pid(100);  // read by pages
  v1::GetPlacementResponse response;
  ASSERT_TRUE(placements_->GetPlacement(&context, request, &response).ok());
  EXPECT_EQ(response.placements(0).unlocated_bytes(), 4096);
}

TEST_F(ServerTest, UnknownPodIsNotFound) {
  grpc::ClientContext context;
  v1::GetPlacementRequest request;
  request.mutable_workload()->mutable_pod()->set_uid("11111111-2222-3333-4444-555555555555");
  v1::GetPlacementResponse response;
  const grpc::Status status = placements_->GetPlacement(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("11111111-2222-3333-4444-555555555555"));
}

TEST_F(ServerTest, ListsPlacementsPageByPage) {
  machine_.AddCgroup(ContainerPath('b'));
  machine_.AddCgroup(ContainerPath('c'));
  std::string ids;
  v1::ListPlacementsRequest request;
  request.set_page_size(1);
  int pages = 0;
  do {
    grpc::ClientContext context;
    v1::ListPlacementsResponse response;
    ASSERT_TRUE(placements_->ListPlacements(&context, request, &response).ok());
    for (const auto& placement : response.placements()) {
      ids += placement.workload().container_id()[0];
    }
    request.set_page_token(response.next_page_token());
    ASSERT_LE(++pages, 4);
  } while (!request.page_token().empty());
  EXPECT_EQ(ids, "abc");
}

TEST_F(ServerTest, RefusesAForeignPageToken) {
  const std::string of_another_list = absl::WebSafeBase64Escape("migrations:" + ContainerPath('a'));
  for (const std::string& token : {std::string("!"), std::string("xx"), of_another_list}) {
    grpc::ClientContext context;
    v1::ListPlacementsRequest request;
    request.set_page_token(token);
    v1::ListPlacementsResponse response;
    EXPECT_EQ(placements_->ListPlacements(&context, request, &response).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT)
        << token;
  }
}

TEST_F(ServerTest, ASummaryOfPlacementsHasNoCpus) {
  for (const v1::Detail detail : {v1::DETAIL_FULL, v1::DETAIL_SUMMARY}) {
    grpc::ClientContext context;
    v1::ListPlacementsRequest request;
    request.set_detail(detail);
    v1::ListPlacementsResponse response;
    ASSERT_TRUE(placements_->ListPlacements(&context, request, &response).ok());
    ASSERT_GT(response.placements_size(), 0);
    EXPECT_EQ(response.placements(0).cpu_ids_size() > 0, detail == v1::DETAIL_FULL);
    EXPECT_GT(response.placements(0).home_node_ids_size(), 0);
  }
}

TEST_F(ServerTest, RefusesAnUnknownView) {
  constexpr auto kUnknown = static_cast<v1::PlacementView>(77);
  {
    grpc::ClientContext context;
    v1::GetPlacementRequest request;
    request.mutable_workload()->mutable_pod()->set_uid(kPod);
    request.set_view(kUnknown);
    v1::GetPlacementResponse response;
    const grpc::Status status = placements_->GetPlacement(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("view: 77"));
  }
  grpc::ClientContext context;
  v1::ListPlacementsRequest request;
  request.set_view(kUnknown);
  v1::ListPlacementsResponse response;
  EXPECT_EQ(placements_->ListPlacements(&context, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServerTest, MigratesAndReportsEachStep) {
  migrator_.Start(1);
  v1::Migration created;
  ASSERT_TRUE(Create(RequestForPod(), created).ok());
  const v1::Migration ended = WatchToTheEnd(created.id());
  EXPECT_EQ(ended.state(), v1::MIGRATION_STATE_SUCCEEDED) << ended.DebugString();
  const v1::WorkloadMigration& result = ended.workloads(0);
  EXPECT_EQ(result.examined_page_count(), kPages);
  EXPECT_EQ(result.on_target_page_count(), kPages);
  EXPECT_EQ(result.before(0).anon_bytes(), kPages * 4096);
  EXPECT_EQ(result.after(0).node_id(), 1);
  ASSERT_EQ(result.outcomes_size(), 1);
  EXPECT_EQ(result.outcomes(0).outcome(), v1::PAGE_OUTCOME_MOVED);
  EXPECT_EQ(result.outcomes(0).advice(), "");
  ASSERT_EQ(result.verifications_size(), 1);
  EXPECT_EQ(result.verifications(0).on_target_page_count(), kPages);
  EXPECT_NE(result.scan_method(), v1::SCAN_METHOD_UNSPECIFIED);
  int64_t calls = 0;
  for (const auto& bucket : result.move_call_buckets()) calls += bucket.call_count();
  EXPECT_EQ(calls, result.move_call_count());
  EXPECT_FALSE(result.move_call_buckets().rbegin()->has_upper_bound());
  EXPECT_TRUE(ended.has_end_time());

  // Fewer pages than 8 CPUs keep from the counters, which the fake host leaves as they were.
  const v1::CrossCheck& source = result.cross_check();
  EXPECT_EQ(source.verdict(), v1::CROSS_CHECK_VERDICT_TOO_COARSE);
  ASSERT_EQ(source.nodes_size(), 2);
  EXPECT_EQ(source.nodes(0).ShortDebugString(),
            "before_bytes: 4100096 after_bytes: 4100096 moved_bytes: -4096000");
  EXPECT_EQ(source.nodes(1).ShortDebugString(), "node_id: 1 moved_bytes: 4096000");
  EXPECT_EQ(source.tolerance_bytes(), 2 * 64 * 8 * 4096);

  grpc::ClientContext list_context;
  v1::ListMigrationsResponse list;
  ASSERT_TRUE(migrations_->ListMigrations(&list_context, {}, &list).ok());
  ASSERT_EQ(list.migrations_size(), 1);
  EXPECT_EQ(list.migrations(0).id(), created.id());
}

TEST_F(ServerTest, DriftComesWithItsCauseAndWhatWouldStopIt) {
  machine_.tree().Write("proc/sys/kernel/numa_balancing", "1\n");
  // The first scan and the one that moves ask twice each; then the verification does.
  machine_.kernel().RunAt(FakeCall::kQuery, 5,
                          [&] { machine_.kernel().Find(100)->At(kHeap).node = 0; });
  migrator_.Start(1);
  v1::Migration created;
  ASSERT_TRUE(Create(RequestForPod(), created).ok());
  const v1::WorkloadMigration result = WatchToTheEnd(created.id()).workloads(0);
  EXPECT_EQ(result.drifted_page_count(), 1);
  ASSERT_EQ(result.drift_causes_size(), 1);
  EXPECT_EQ(result.drift_causes(0).cause(), "automatic NUMA balancing is on");
  EXPECT_THAT(result.drift_causes(0).remedy(), HasSubstr("stick cpuset-mems"));
}

TEST_F(ServerTest, PlanMovesNothing) {
  v1::CreateMigrationRequest request = RequestForPod();
  request.set_validate_only(true);
  v1::Migration plan;
  ASSERT_TRUE(Create(request, plan).ok());
  EXPECT_EQ(plan.id(), "");
  EXPECT_EQ(plan.workloads(0).planned_page_count(), kPages);
  EXPECT_THAT(plan.workloads(0).target_node_ids(), ElementsAre(1));
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
}

TEST_F(ServerTest, BusyWorkloadIsAbortedWithTheOthersId) {
  v1::Migration first;
  v1::Migration second;
  ASSERT_TRUE(Create(RequestForPod(), first).ok());  // nothing runs it
  const grpc::Status status = Create(RequestForPod(), second);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_message(), HasSubstr(first.id()));
}

TEST_F(ServerTest, SameRequestIdIsTheSameMigration) {
  v1::CreateMigrationRequest request = RequestForPod();
  request.set_request_id("f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
  v1::Migration first;
  v1::Migration second;
  ASSERT_TRUE(Create(request, first).ok());
  ASSERT_TRUE(Create(request, second).ok());
  EXPECT_EQ(first.id(), second.id());
  request.set_min_moved(0.5);
  EXPECT_EQ(Create(request, second).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(ServerTest, CancelsWhatIsPending) {
  v1::Migration created;
  ASSERT_TRUE(Create(RequestForPod(), created).ok());
  grpc::ClientContext context;
  v1::CancelMigrationRequest request;
  request.set_id(created.id());
  v1::CancelMigrationResponse response;
  ASSERT_TRUE(migrations_->CancelMigration(&context, request, &response).ok());
  migrator_.Start(1);
  EXPECT_EQ(WatchToTheEnd(created.id()).state(), v1::MIGRATION_STATE_CANCELLED);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
}

// A request, and the code and words it is refused with.
struct Refusal {
  std::string name;
  std::string request;  // text format
  grpc::StatusCode code;
  std::string words;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class RefusalTest : public ServerTest, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusalTest, SaysWhy) {
  v1::CreateMigrationRequest request;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(GetParam().request, &request));
  v1::Migration migration;
  const grpc::Status status = Create(request, migration);
  EXPECT_EQ(status.error_code(), GetParam().code) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusalTest,
    testing::Values(
        Refusal{"NoWorkload", "", grpc::StatusCode::INVALID_ARGUMENT, "name at least one workload"},
        Refusal{"EmptySelector", "workloads {}", grpc::StatusCode::INVALID_ARGUMENT, "name it by"},
        Refusal{"PidZero", "workloads { pid: 0 }", grpc::StatusCode::INVALID_ARGUMENT, "process 0"},
        Refusal{"PidNegative", "workloads { pid: -1 }", grpc::StatusCode::INVALID_ARGUMENT,
                "process -1"},
        Refusal{"PidUnknown", "workloads { pid: 999 }", grpc::StatusCode::NOT_FOUND, "999"},
        Refusal{"ShortId", "workloads { container_id: 'abc' }", grpc::StatusCode::INVALID_ARGUMENT,
                "at least its first 8"},
        Refusal{"NodeUnknown", "workloads { pid: 100 } target_node_ids: 7",
                grpc::StatusCode::INVALID_ARGUMENT, "nodes with memory: 0-1"},
        Refusal{"NodeNegative", "workloads { pid: 100 } target_node_ids: -1",
                grpc::StatusCode::INVALID_ARGUMENT, "node -1"},
        Refusal{"RangeReversed", "workloads { pid: 100 } address_ranges { start: 8192 end: 4096 }",
                grpc::StatusCode::INVALID_ARGUMENT, "address range"},
        Refusal{"Hugetlb", "workloads { pid: 100 } memory_kinds: MEMORY_KIND_HUGETLB",
                grpc::StatusCode::INVALID_ARGUMENT, "hugetlb"},
        Refusal{"MinMoved", "workloads { pid: 100 } min_moved: 1.5",
                grpc::StatusCode::INVALID_ARGUMENT, "min_moved"},
        Refusal{"Timeout", "workloads { pid: 100 } timeout { seconds: -1 }",
                grpc::StatusCode::INVALID_ARGUMENT, "timeout"},
        Refusal{"NodeMapTwice",
                "workloads { pid: 100 } node_map { source_node_id: 0 target_node_id: 1 }"
                "node_map { source_node_id: 0 target_node_id: 0 }",
                grpc::StatusCode::INVALID_ARGUMENT, "node_map: node 0 is a source twice"},
        Refusal{"NodeMapWithoutNodes", "workloads { pid: 100 } node_map {}",
                grpc::StatusCode::INVALID_ARGUMENT, "node_map: an entry lacks source_node_id"},
        Refusal{"NodeMapWithoutTarget", "workloads { pid: 100 } node_map { source_node_id: 1 }",
                grpc::StatusCode::INVALID_ARGUMENT, "or target_node_id"},
        Refusal{"EvacuationOfNoNode", "evacuation {}", grpc::StatusCode::INVALID_ARGUMENT,
                "evacuation.node_id: is missing"},
        Refusal{"EvacuationOfNothing", "evacuation { node_id: 1 free_bytes: 0 }",
                grpc::StatusCode::INVALID_ARGUMENT, "evacuation.free_bytes: must be more than 0"},
        Refusal{"NodeMapAndTarget",
                "workloads { pid: 100 } node_map { source_node_id: 0 target_node_id: 1 }"
                "target_node_ids: 1",
                grpc::StatusCode::INVALID_ARGUMENT, "node_map: cannot be combined with"},
        Refusal{"NodeMapUnknown",
                "workloads { pid: 100 } node_map { source_node_id: 0 target_node_id: 7 }",
                grpc::StatusCode::INVALID_ARGUMENT, "7"},
        Refusal{"SharingRule", "workloads { pid: 100 } shared_pages: 9",
                grpc::StatusCode::INVALID_ARGUMENT, "shared_pages: 9"},
        Refusal{"HoldMode", "workloads { pid: 100 } hold: 9", grpc::StatusCode::INVALID_ARGUMENT,
                "hold: 9"},
        Refusal{"StickMode", "workloads { pid: 100 } stick: 9", grpc::StatusCode::INVALID_ARGUMENT,
                "stick: 9"},
        Refusal{"Lazy", "workloads { pid: 100 } mode: MIGRATION_MODE_LAZY",
                grpc::StatusCode::UNIMPLEMENTED, "EAGER"},
        Refusal{"NoRuntime", "workloads { pid: 100 } stick: STICK_MODE_CPUSET_MEMS",
                grpc::StatusCode::FAILED_PRECONDITION, "--cri-socket"},
        Refusal{"Bandwidth", "workloads { pid: 100 } limits { bandwidth_bytes_per_second: -1 }",
                grpc::StatusCode::INVALID_ARGUMENT, "at least 1 MiB per second"},
        Refusal{"LowBandwidth",
                "workloads { pid: 100 } limits { bandwidth_bytes_per_second: 1048575 }",
                grpc::StatusCode::INVALID_ARGUMENT, "at least 1 MiB per second"},
        Refusal{"Workers", "workloads { pid: 100 } limits { worker_count: 17 }",
                grpc::StatusCode::INVALID_ARGUMENT, "17 workers: must be 1 to 16"},
        Refusal{"CallTime", "workloads { pid: 100 } limits { max_call_time {} }",
                grpc::StatusCode::INVALID_ARGUMENT, "limits.max_call_time"},
        Refusal{"VerifyOrder",
                "workloads { pid: 100 } verify_after { seconds: 2 } verify_after { seconds: 1 }",
                grpc::StatusCode::INVALID_ARGUMENT, "verify_after: must be in ascending order"},
        Refusal{"VerifyLate", "workloads { pid: 100 } verify_after { seconds: 3600 }",
                grpc::StatusCode::INVALID_ARGUMENT, "verify_after: takes at most"}),
    [](const testing::TestParamInfo<Refusal>& param) { return param.param.name; });

TEST_F(ServerTest, ReportsWhatItCanDo) {
  machine_.tree().Write("proc/self/status",
                        "CapEff:\t0000000000080000\nSeccomp:\t0\nMems_allowed_list:\t0\n");
  machine_.tree().Write("proc/self/ns/pid", "");
  machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  const grpc::Status got = v1::AgentService::NewStub(channel_)->GetStatus(&context, {}, &status);
  ASSERT_TRUE(got.ok()) << got.error_message();
  EXPECT_FALSE(status.version().empty());
  EXPECT_EQ(status.kernel_release(), "6.12.0");
  EXPECT_THAT(status.capabilities(), ElementsAre("CAP_SYS_PTRACE"));
  EXPECT_EQ(status.seccomp_mode(), v1::SECCOMP_MODE_DISABLED);
  EXPECT_THAT(status.memory_node_ids(), ElementsAre(0, 1));
  EXPECT_THAT(status.allowed_node_ids(), ElementsAre(0));
  EXPECT_TRUE(status.cgroup_v2());
  EXPECT_EQ(status.cgroup_version(), 2);
  ASSERT_EQ(status.sources_size(), 1);
  EXPECT_EQ(status.sources(0).state(), v1::SOURCE_STATE_ABSENT);
  ASSERT_GT(status.findings_size(), 0);
  EXPECT_EQ(status.findings(0).severity(), v1::FINDING_SEVERITY_ERROR) << "worst first";
}

}  // namespace
}  // namespace numalocality::server_test
