// The self socket as pods see it: what a container may ask for, and what hostile ones achieve.
#include "agent/rpc/self_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/workload/name_directory.h"
#include "numalocality/errors/v1/error_details.pb.h"
#include "numalocality/v1/self.pb.h"
#include "tests/component/pod_process.h"
#include "tests/component/wait.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/fake_name_source.h"
#include "tests/unit/fake/gate.h"

namespace numalocality::self_socket_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr uint64_t kHeap = 0x10000000;
constexpr int kPages = 100;
constexpr int kMostPods = 42;

std::string UidOf(int pod) { return absl::StrCat("01234567-cccc-dddd-eeee-ffff000000", 10 + pod); }
std::string IdOf(int pod) { return absl::StrCat(10 + pod, std::string(62, 'a')); }
std::string CgroupOf(int pod) { return absl::StrCat("/kubepods/pod", UidOf(pod), "/", IdOf(pod)); }

// The length that stands before a message.
std::string LengthOf(size_t size) {
  return {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
          static_cast<char>(size >> 8), static_cast<char>(size)};
}

bool Send(const ScopedFd& connection, const std::string& bytes) {
  return send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

// Everything until the other end is closed.
std::string Receive(const ScopedFd& connection) {
  std::string bytes;
  char buffer[4096];
  while (true) {
    const ssize_t got = read(connection.get(), buffer, sizeof(buffer));
    if (got <= 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

v1::SelfResponse ResponseIn(const std::string& bytes) {
  v1::SelfResponse response;
  EXPECT_GE(bytes.size(), 4u);
  if (bytes.size() < 4) return response;
  EXPECT_EQ(bytes.substr(0, 4), LengthOf(bytes.size() - 4));
  EXPECT_TRUE(response.ParseFromString(bytes.substr(4)));
  return response;
}

// "OK", or the code and, if there is one, the reason of an error.
std::string Answer(const v1::SelfResponse& response) {
  if (!response.has_error()) return "OK";
  const v1::SelfError& error = response.error();
  std::string text = absl::StatusCodeToString(static_cast<absl::StatusCode>(error.code()));
  errors::v1::ErrorInfo info;
  if (error.details_size() > 0 && info.ParseFromString(error.details(0).value())) {
    absl::StrAppend(&text, " ", info.reason());
  }
  return text;
}

// Pods of one container and one process each, whose CPUs are on node 1 and whose memory is on
// node 0.
class SelfSocketTest : public ::testing::Test {
 protected:
  SelfSocketTest() {
    AddPod(1);
    AddPod(2);
    for (int pod = 1; pod <= kMostPods; ++pod) {
      const ContainerNames names{"shop", absl::StrCat("db-", pod), "mysql"};
      source_->known.push_back({IdOf(pod), UidOf(pod), {names, PodMetadata(), {}}});
    }
    names_.ReadAll();
    machine_.tree().Write("proc/self/status",
                          "CapEff:\t800000\nSeccomp:\t0\n"
                          "Mems_allowed_list:\t0-1\n");  // CAP_SYS_NICE
    machine_.tree().Write("proc/self/ns/pid", "");
    auto socket = SelfSocket::Start(path_, {context_, migrator_, board_});
    EXPECT_TRUE(socket.ok()) << socket.status();
    socket_ = *std::move(socket);
  }

  void AddPod(int pod) {
    processes_[pod] = std::make_unique<PodProcess>();
    const pid_t pid = processes_[pod]->pid();
    const auto process = machine_.AddProcess(pid, "4-7", CgroupOf(pod));
    process->AddPages(kHeap, kPages, 0);
    machine_.Publish(*process);
    machine_.AddCgroup(CgroupOf(pod), {pid});
    machine_.WriteCgroupFile(CgroupOf(pod), "memory.numa_stat",
                             "anon N0=409600 N1=0\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
  }

  ScopedFd Connect(int pod) { return processes_.at(pod)->Connect(path_); }

  v1::SelfResponse Ask(int pod, const v1::SelfRequest& request) {
    const ScopedFd connection = Connect(pod);
    const std::string message = request.SerializeAsString();
    EXPECT_TRUE(Send(connection, LengthOf(message.size()) + message));
    return ResponseIn(Receive(connection));
  }

  // What a program says that runs in the container of a pod, with standard error.
  std::string RunIn(int pod, std::vector<std::string> program,
                    const std::vector<std::string>& arguments = {}) {
    program.insert(program.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : program) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::string socket = "NUMA_LOCALITY_SELF_SOCKET=" + path_;
    std::string stubs = std::string("PYTHONPATH=") + SELF_STUBS;
    char* const environment[] = {socket.data(), stubs.data(), nullptr};
    int go[2];
    int said[2];
    EXPECT_EQ(pipe2(go, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(said, O_CLOEXEC), 0);
    const pid_t pid = fork();
    if (pid == 0) {
      dup2(said[1], STDOUT_FILENO);
      dup2(said[1], STDERR_FILENO);
      char byte = 0;
      // Only once the machine has the process, under its PID.
      if (read(go[0], &byte, 1) == 1) execve(argv[0], argv.data(), environment);
      _exit(1);
    }
    close(go[0]);
    close(said[1]);
    const auto process = machine_.AddProcess(pid, "4-7", CgroupOf(pod));
    process->AddPages(kHeap, 1, 0);
    machine_.Publish(*process);
    EXPECT_EQ(write(go[1], "x", 1), 1);
    close(go[1]);
    const std::string text = Receive(ScopedFd(said[0]));
    waitpid(pid, nullptr, 0);
    return text;
  }

  static v1::SelfRequest Placement() {
    v1::SelfRequest request;
    request.mutable_get_placement();
    return request;
  }
  static v1::SelfRequest Migration() {
    v1::SelfRequest request;
    request.mutable_create_migration();
    return request;
  }
  // All requests that name workloads, with this one.
  static std::vector<v1::SelfRequest> RequestsFor(const v1::WorkloadSelector& workload) {
    std::vector<v1::SelfRequest> requests(5);
    *requests[0].mutable_get_placement()->mutable_workload() = workload;
    *requests[1].mutable_explain_placement()->mutable_workload() = workload;
    *requests[2].mutable_create_migration()->add_workloads() = workload;
    *requests[3].mutable_reserve_workload()->mutable_workload() = workload;
    *requests[4].mutable_release_workload()->mutable_workload() = workload;
    return requests;
  }
  // All requests about the migration `id`.
  static std::vector<v1::SelfRequest> RequestsAbout(const std::string& id) {
    std::vector<v1::SelfRequest> requests(3);
    requests[0].mutable_get_migration()->set_id(id);
    requests[1].mutable_watch_migration()->set_id(id);
    requests[2].mutable_cancel_migration()->set_id(id);
    return requests;
  }

  Gate in_read_;  // of a call that may still run when the test ends
  Gate go_on_;
  FakeMachine machine_;
  TempTree tree_;
  const std::string path_ = tree_.Path("self/self.sock");
  FakeNameSource* const source_ = new FakeNameSource("cri");
  NameDirectory names_ = [this] {
    std::vector<std::unique_ptr<NameSource>> sources;
    sources.emplace_back(source_);
    return NameDirectory(std::move(sources), machine_.clock());
  }();
  EngineContext context_ = [this] {
    EngineContext context{machine_.kernel(), Clock::System(), machine_.host(), {}};
    context.names = &names_;
    return context;
  }();
  Migrator migrator_{context_};
  ReportBoard board_{Clock::System()};
  std::map<int, std::unique_ptr<PodProcess>> processes_;
  std::unique_ptr<SelfSocket> socket_;
};

TEST_F(SelfSocketTest, AnyUserMayConnect) {
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666u);
  ASSERT_EQ(stat(tree_.Path("self").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
  EXPECT_TRUE(socket_->Check().ok());
  ASSERT_TRUE(std::filesystem::remove(path_));
  EXPECT_TRUE(absl::IsUnavailable(socket_->Check())) << socket_->Check();
}

TEST_F(SelfSocketTest, AContainerReadsItself) {
  for (const int pod : {1, 2}) {
    const v1::SelfResponse response = Ask(pod, Placement());
    ASSERT_EQ(Answer(response), "OK") << response.DebugString();
    ASSERT_EQ(response.get_placement().placements_size(), 1);
    EXPECT_EQ(response.get_placement().placements(0).workload().container_id(), IdOf(pod));
  }
}

TEST_F(SelfSocketTest, AContainerMayNameItself) {
  std::vector<v1::WorkloadSelector> names(4);
  names[0].set_container_id("containerd://" + IdOf(1));
  names[1].set_container_id(IdOf(1).substr(0, 12));
  names[2].mutable_pod()->set_uid(UidOf(1));
  names[2].mutable_pod()->set_container_id(IdOf(1));
  names[3].set_resource_name("namespaces/shop/pods/db-1/containers/mysql");
  for (const v1::WorkloadSelector& name : names) {
    v1::SelfRequest request = Placement();
    *request.mutable_get_placement()->mutable_workload() = name;
    EXPECT_EQ(Answer(Ask(1, request)), "OK") << name.DebugString();
  }
}

// The answer is the same whether the other exists or not.
TEST_F(SelfSocketTest, AContainerMayNameNoOther) {
  std::vector<v1::WorkloadSelector> others(9);
  others[0].set_container_id(IdOf(2));
  others[1].set_container_id(IdOf(7));
  others[2].mutable_pod()->set_uid(UidOf(2));
  others[3].mutable_pod()->set_uid(UidOf(1));  // its pod may have other containers
  others[4].mutable_pod()->set_uid(UidOf(2));
  others[4].mutable_pod()->set_container_id(IdOf(1));
  others[5].set_resource_name("namespaces/shop/pods/db-2/containers/mysql");
  others[6].set_resource_name("namespaces/none/pods/none");
  others[7].set_cgroup_path("/");
  others[8].set_pid(processes_.at(2)->pid());
  for (int i = 0; i < 9; ++i) {
    const int pod = i == 3 || i == 4 ? 1 : 3 + i;  // other pods have budgets of their own
    if (pod != 1) AddPod(pod);
    for (const v1::SelfRequest& request : RequestsFor(others[i])) {
      EXPECT_EQ(Answer(Ask(pod, request)), "PERMISSION_DENIED ROLE_MISSING")
          << request.DebugString();
    }
  }
}

TEST_F(SelfSocketTest, WhoAsksForItsNeighbourIsAudited) {
  v1::SelfRequest request = Migration();
  request.mutable_create_migration()->add_workloads()->set_container_id(IdOf(2));
  testing::internal::CaptureStdout();  // where the default logger of a test writes
  EXPECT_EQ(Answer(Ask(1, request)), "PERMISSION_DENIED ROLE_MISSING");
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              HasSubstr(absl::StrCat("audit method=self by=\"self:", UidOf(1), "/", IdOf(1),
                                     "\" result=PERMISSION_DENIED why=\"")));
}

TEST_F(SelfSocketTest, AContainerMigratesItself) {
  migrator_.Start(1);
  v1::SelfResponse response = Ask(1, Migration());
  ASSERT_EQ(Answer(response), "OK") << response.DebugString();
  const std::string id = response.create_migration().migration().id();
  EXPECT_EQ(response.create_migration().migration().created_by(),
            absl::StrCat("self:", UidOf(1), "/", IdOf(1)));
  response = Ask(1, RequestsAbout(id)[1]);
  const v1::Migration& ended = response.watch_migration().migration();
  EXPECT_EQ(ended.state(), v1::MIGRATION_STATE_SUCCEEDED) << response.DebugString();
  EXPECT_EQ(ended.workloads(0).on_target_page_count(), kPages);
  EXPECT_EQ(Answer(Ask(1, RequestsAbout(id)[0])), "OK");

  v1::SelfRequest list;
  list.mutable_list_migrations();
  EXPECT_EQ(Ask(1, list).list_migrations().migrations_size(), 1);
  EXPECT_EQ(Ask(2, list).list_migrations().migrations_size(), 0) << "a neighbour";
  const auto requests = RequestsAbout(id);
  const auto of_none = RequestsAbout("0-1");
  for (size_t i = 0; i < requests.size(); ++i) {
    const v1::SelfResponse answer = Ask(2, requests[i]);
    EXPECT_EQ(Answer(answer), Answer(Ask(2, of_none[i])))
        << "a pod must not learn which ids exist: " << requests[i].DebugString();
    EXPECT_TRUE(answer.error().details().empty()) << answer.DebugString();
  }
}

TEST_F(SelfSocketTest, RequestsAreModest) {
  std::vector<v1::SelfRequest> requests(4, Migration());
  requests[0].mutable_create_migration()->mutable_limits()->set_bandwidth_bytes_per_second(1 << 20);
  requests[1].mutable_create_migration()->add_verify_after()->set_seconds(60);
  requests[2].mutable_create_migration()->mutable_timeout()->set_seconds(301);
  requests[3].mutable_create_migration()->set_shared_pages(v1::SHARING_RULE_OWNED);
  for (const v1::SelfRequest& request : requests) {
    EXPECT_THAT(Answer(Ask(1, request)), StartsWith("INVALID_ARGUMENT")) << request.DebugString();
  }
}

TEST_F(SelfSocketTest, AddressesAreThoseOfTheCallingProcess) {
  migrator_.Start(1);
  v1::SelfRequest request = Migration();
  v1::AddressRange* range = request.mutable_create_migration()->add_address_ranges();
  range->set_start(kHeap);
  range->set_end(kHeap + 10 * 4096);
  v1::SelfResponse response = Ask(1, request);
  ASSERT_EQ(Answer(response), "OK") << response.DebugString();
  response = Ask(1, RequestsAbout(response.create_migration().migration().id())[1]);
  const v1::WorkloadMigration& result = response.watch_migration().migration().workloads(0);
  EXPECT_EQ(result.workload().pid(), processes_.at(1)->pid()) << response.DebugString();
  EXPECT_EQ(result.examined_page_count(), 10);
  EXPECT_EQ(result.on_target_page_count(), 10);
}

TEST_F(SelfSocketTest, WhatReachesBeyondTheContainerIsRefused) {
  std::vector<v1::SelfRequest> requests(4, Migration());
  requests[0].mutable_create_migration()->mutable_evacuation()->set_node_id(0);
  requests[1].mutable_create_migration()->set_override_protection(true);
  requests[2].mutable_create_migration()->set_stick(v1::STICK_MODE_CPUSET_MEMS);
  requests[3].mutable_create_migration()->set_shared_pages(v1::SHARING_RULE_ALL);
  for (const v1::SelfRequest& request : requests) {
    EXPECT_EQ(Answer(Ask(1, request)), "PERMISSION_DENIED ROLE_MISSING") << request.DebugString();
  }
  EXPECT_EQ(Answer(Ask(1, v1::SelfRequest())), "INVALID_ARGUMENT") << "no call";
}

TEST_F(SelfSocketTest, AContainerReservesItself) {
  v1::SelfRequest request;
  request.mutable_reserve_workload()->set_owner("me");
  const v1::SelfResponse response = Ask(1, request);
  ASSERT_EQ(Answer(response), "OK") << response.DebugString();
  EXPECT_EQ(response.reserve_workload().workloads(0).container_id(), IdOf(1));
  EXPECT_EQ(Answer(Ask(1, Migration())), "ABORTED RESERVED");
  v1::SelfRequest release;
  release.mutable_release_workload()->set_token(response.reserve_workload().token());
  EXPECT_EQ(Answer(Ask(2, release)), "NOT_FOUND") << "with a stolen token";
  EXPECT_EQ(Answer(Ask(1, release)), "OK");
  EXPECT_EQ(Answer(Ask(1, Migration())), "OK");
}

TEST_F(SelfSocketTest, WhoIsInNoContainerIsRefused) {
  PodProcess unknown;
  EXPECT_EQ(Answer(ResponseIn(Receive(unknown.Connect(path_)))),
            "PERMISSION_DENIED CALLER_UNKNOWN");
  PodProcess of_host;
  machine_.Publish(*machine_.AddProcess(of_host.pid(), "0-3", "/system.slice/cron.service"));
  EXPECT_EQ(Answer(ResponseIn(Receive(of_host.Connect(path_)))),
            "PERMISSION_DENIED CALLER_UNKNOWN");
}

TEST_F(SelfSocketTest, APodsConnectionsAreLimited) {
  std::vector<ScopedFd> idle;
  for (int i = 0; i < SelfLimits::kMostOfAPod; ++i) idle.push_back(Connect(1));
  EXPECT_EQ(Answer(ResponseIn(Receive(Connect(1)))), "RESOURCE_EXHAUSTED TOO_MANY_CALLS");
  EXPECT_EQ(Answer(Ask(2, Placement())), "OK") << "another pod is served";
  const CallCounts counts = socket_->calls()->Counts();
  EXPECT_GE(counts.connections, SelfLimits::kMostOfAPod);
  EXPECT_EQ(counts.refused.at(ErrorReason::kTooManyCalls), 1);
  EXPECT_EQ(counts.ended.at({"GetPlacement", absl::StatusCode::kOk}), 1);
  idle.pop_back();
  // Connections are looked at in their order: that of the other pod comes after the one that ended.
  EXPECT_EQ(Answer(Ask(2, Placement())), "OK");
  EXPECT_EQ(Answer(Ask(1, Placement())), "OK");
}

TEST_F(SelfSocketTest, APodsCallsAndMigrationsAreLimited) {
  std::vector<std::string> answers;
  for (int i = 0; i < SelfLimits::kChangeBurst; ++i) answers.push_back(Answer(Ask(1, Migration())));
  EXPECT_EQ(answers[0], "OK");
  EXPECT_EQ(answers.back(), "ABORTED MIGRATION_RUNNING");
  EXPECT_EQ(Answer(Ask(1, Migration())), "RESOURCE_EXHAUSTED TOO_MANY_CALLS");
  v1::SelfRequest plan = Migration();
  plan.mutable_create_migration()->set_validate_only(true);
  EXPECT_NE(Answer(Ask(1, plan)), "RESOURCE_EXHAUSTED TOO_MANY_CALLS");
  EXPECT_EQ(Answer(Ask(2, Migration())), "OK") << "another pod is served";
}

TEST_F(SelfSocketTest, WhatIsNoRequestIsClosed) {
  // The first bytes of HTTP/2, and a length above the limit; neither is read on.
  for (const std::string& bytes : {std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                                   LengthOf(SelfConnection::kMaxRequestBytes + 1)}) {
    const ScopedFd connection = Connect(1);
    Send(connection, bytes);
    EXPECT_THAT(Receive(connection), IsEmpty());
  }
  const ScopedFd connection = Connect(1);
  Send(connection, LengthOf(3) + "\xff\xff\xff");
  EXPECT_EQ(Answer(ResponseIn(Receive(connection))), "INVALID_ARGUMENT");
}

// Requests of 24 MiB, and 400 connections that are closed again.
TEST_F(SelfSocketTest, AFloodLeavesNothingBehind) {
  EXPECT_EQ(Answer(Ask(2, Placement())), "OK");
  const ptrdiff_t before = CountOpenFiles();
  for (int i = 0; i < 400; ++i) {
    const ScopedFd connection = Connect(1);
    if (i % 100 != 0) continue;
    EXPECT_FALSE(Send(connection, LengthOf(size_t{24} << 20) + std::string(size_t{24} << 20, 'x')))
        << "the agent does not read it";
  }
  EXPECT_EQ(Answer(Ask(2, Placement())), "OK");
  EXPECT_TRUE(WaitUntil([&] { return CountOpenFiles() == before; }));
}

// Otherwise a pod could occupy one thread of the agent after the other.
TEST_F(SelfSocketTest, ACallThatDoesNotReturnCountsAfterItsClientHasGone) {
  machine_.kernel().RunAt(FakeCall::kQuery, 1, [&] {
    in_read_.Open();
    go_on_.Wait();
  });
  v1::SelfRequest scan = Placement();
  scan.mutable_get_placement()->set_view(v1::PLACEMENT_VIEW_PAGES);
  const std::string message = scan.SerializeAsString();
  {
    const ScopedFd connection = Connect(1);
    ASSERT_TRUE(Send(connection, LengthOf(message.size()) + message));
    in_read_.Wait();
  }
  std::vector<ScopedFd> idle;
  for (int i = 1; i < SelfLimits::kMostOfAPod; ++i) idle.push_back(Connect(1));
  EXPECT_EQ(Answer(ResponseIn(Receive(Connect(1)))), "RESOURCE_EXHAUSTED TOO_MANY_CALLS");
  EXPECT_EQ(Answer(Ask(2, Placement())), "OK");
  go_on_.Open();
}

TEST_F(SelfSocketTest, WatchesOfManyPodsKeepNobodyOut) {
  std::vector<ScopedFd> watches;
  for (int pod = 3; pod <= kMostPods; ++pod) {
    AddPod(pod);
    const v1::SelfResponse created = Ask(pod, Migration());  // nothing runs it
    ASSERT_EQ(Answer(created), "OK") << created.DebugString();
    const std::string watch =
        RequestsAbout(created.create_migration().migration().id())[1].SerializeAsString();
    for (int i = 0; i < 3; ++i) {
      watches.push_back(Connect(pod));
      ASSERT_TRUE(Send(watches.back(), LengthOf(watch.size()) + watch));
    }
  }
  EXPECT_EQ(Answer(Ask(1, Placement())), "OK");
  EXPECT_EQ(Answer(Ask(2, Migration())), "OK");
  socket_.reset();  // ends all of them
  for (const ScopedFd& watch : watches) Receive(watch);
}

// The examples of deploy/examples, as programs in a container.
TEST_F(SelfSocketTest, TheExamplesOfClientsWork) {
  migrator_.Start(1);
  const std::vector<std::string> in_cpp = {SELF_CLIENT};
  const std::vector<std::string> in_python = {"/usr/bin/python3", SELF_CLIENT_PY};
  int pod = 3;
  for (const auto& client : {in_cpp, in_python}) {
    AddPod(pod);
    EXPECT_THAT(RunIn(pod, client), HasSubstr("SUCCEEDED: 100 of 100 pages are on the target"));
    // The fake machine does not have the buffer of a real process.
    EXPECT_THAT(RunIn(pod, client, {"--buffer", "1", "0"}), HasSubstr("SUCCEEDED: 0 of 0 pages"));
    ++pod;
  }
  EXPECT_THAT(RunIn(3, in_cpp, {"--container", IdOf(1)}), HasSubstr("ERROR: code 7: on the self"));
}

}  // namespace
}  // namespace numalocality::self_socket_test
