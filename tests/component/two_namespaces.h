// Pods of two namespaces, an agent that serves its own socket, the viewer socket and the front's,
// and clients with roles: for tests of what clients may do.
#ifndef NUMALOCALITY_TESTS_COMPONENT_TWO_NAMESPACES_H_
#define NUMALOCALITY_TESTS_COMPONENT_TWO_NAMESPACES_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/config/parse_configuration.h"
#include "agent/engine/health/configuration_source.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/rpc/server.h"
#include "numalocality/errors/v1/error_details.pb.h"
#include "numalocality/v1/placement.pb.h"
#include "tests/component/test_ca.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/fake_name_source.h"

namespace numalocality {

inline constexpr char kShopUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
inline constexpr char kBankUid[] = "01234567-cccc-dddd-eeee-ffff00002222";
inline constexpr char kShopPod[] = "namespaces/shop/pods/db-0";
inline constexpr char kBankPod[] = "namespaces/bank/pods/ledger-0";
inline constexpr char kClients[] =
    "api:\n"
    "  clients:\n"
    "  - {identity: 'spiffe://cluster/viewer', role: viewer, namespaces: [shop]}\n"
    "  - {identity: 'spiffe://cluster/migrator', role: migrator, namespaces: [shop]}\n"
    "  - {identity: 'spiffe://cluster/second', role: migrator, namespaces: [shop]}\n"
    "  - {identity: 'spiffe://cluster/shop-admin', role: admin, namespaces: [shop]}\n"
    "  - {identity: 'spiffe://cluster/admin', role: admin}\n";

inline std::string CgroupOf(const std::string& uid, char digit) {
  return absl::StrCat("/kubepods/pod", uid, "/", std::string(64, digit));
}

// What the code and the details of an answer say: "OK", or "PERMISSION_DENIED migrator shop".
inline std::string Answer(const grpc::Status& status) {
  if (status.ok()) return "OK";
  const auto code = absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code()));
  errors::v1::ErrorStatus details;
  errors::v1::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details().empty() ||
      !info.ParseFromString(details.details(0).value()) || info.reason() != "ROLE_MISSING") {
    return code;
  }
  return absl::StrCat(code, " ", info.metadata().at("role"), " ", info.metadata().at("namespace"));
}

// The machine's clock, whose wall time can be set.
class SteppedClock final : public Clock {
 public:
  absl::Time Now() const override {
    return Clock::System().Now() + absl::Seconds(step_seconds_.load());
  }
  absl::Duration Monotonic() const override { return Clock::System().Monotonic(); }
  void Sleep(absl::Duration duration) const override { Clock::System().Sleep(duration); }
  void StepWall(absl::Duration step) { step_seconds_ += absl::ToInt64Seconds(step); }

 private:
  std::atomic<int64_t> step_seconds_ = 0;
};

// Pods of two namespaces, and an agent with three sockets. Its migrator has not started: migrations
// wait.
class TwoNamespacesTest : public testing::Test {
 protected:
  // `clock`: of the migrator and its reservations; null: the machine's.
  explicit TwoNamespacesTest(const Clock* clock = nullptr)
      : context_{machine_.kernel(), clock == nullptr ? static_cast<const Clock&>(clock_) : *clock,
                 machine_.host(),   {},
                 nullptr,           &names_} {
    AddPod(kShopUid, 'a', 100);
    AddPod(kBankUid, 'b', 200);
    source_->known = {
        {std::string(64, 'a'), kShopUid, {{"shop", "db-0", "mysql"}, PodMetadata(), {}}},
        {std::string(64, 'b'), kBankUid, {{"bank", "ledger-0", "main"}, PodMetadata(), {}}}};
    names_.ReadAll();
    machine_.AddProcess(1);
    machine_.tree().Write("proc/self/status", "CapEff:\t0\nSeccomp:\t0\nMems_allowed_list:\t0\n");
    machine_.tree().Write("proc/self/ns/pid", "");
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
    Served served{context_, migrator_, board_};
    served.configuration = &configuration_;
    own_ = Serve("own/agent.sock", served, Door::kOwn);
    PrepareFrontDirectory();
    front_ = Serve("front/front.sock", served, Door::kFront);
    viewer_ = Serve("own/viewer.sock", served, Door::kViewer);
  }
  ~TwoNamespacesTest() override {
    for (const auto& server : {own_.get(), front_.get(), viewer_.get()})
      server->Shutdown(absl::ZeroDuration());
  }

  // Run by root, nginx's workers are of nobody and its group.
  void PrepareFrontDirectory() {
    constexpr gid_t kNoGroup = 65534;
    if (geteuid() != 0) return;
    EXPECT_EQ(chmod(tree_.root().c_str(), 0711), 0);
    EXPECT_EQ(mkdir(tree_.Path("front").c_str(), 0700), 0);
    EXPECT_EQ(chown(tree_.Path("front").c_str(), 0, kNoGroup), 0);
    EXPECT_EQ(chmod(tree_.Path("front").c_str(), 02777), 0);  // as kubelet creates it
  }

  void AddPod(const std::string& uid, char digit, pid_t pid) {
    const std::string cgroup = CgroupOf(uid, digit);
    const auto process = machine_.AddProcess(pid, "4-7", cgroup);
    process->AddPages(0x10000000, 10, 0);
    machine_.Publish(*process);
    machine_.AddCgroup(cgroup, {pid});
    machine_.WriteCgroupFile(cgroup, "memory.numa_stat",
                             "anon N0=40960 N1=0\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
  }

  std::unique_ptr<Server> Serve(const std::string& path, const Served& served, Door door) {
    auto server = Server::Start(tree_.Path(path), served, door);
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  static v1::WorkloadSelector Pod(const std::string& name) {
    v1::WorkloadSelector selector;
    selector.set_resource_name(name);
    return selector;
  }

  const TestCa ca_{"cluster"};
  FakeMachine machine_;
  TempTree tree_;
  ConfigurationSource configuration_{Written(tree_, kClients),
                                     ConfigurationSource::Presence::kRequired, Clock::System(),
                                     ParseConfiguration};
  FakeNameSource* source_ = nullptr;
  NameDirectory names_{Sources(source_), Clock::System()};
  SteppedClock clock_;
  const EngineContext context_;
  Migrator migrator_{context_};
  ReportBoard board_{Clock::System()};
  std::unique_ptr<Server> own_;
  std::unique_ptr<Server> front_;
  std::unique_ptr<Server> viewer_;

 private:
  static std::string Written(TempTree& tree, const std::string& configuration) {
    tree.Write("config.yaml", configuration);
    return tree.Path("config.yaml");
  }
  static std::vector<std::unique_ptr<NameSource>> Sources(FakeNameSource*& source) {
    std::vector<std::unique_ptr<NameSource>> sources;
    sources.push_back(std::make_unique<FakeNameSource>("cri"));
    source = static_cast<FakeNameSource*>(sources.back().get());
    return sources;
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_TWO_NAMESPACES_H_
