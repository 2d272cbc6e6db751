// synthetic-agents: many agents in one process, for tests of their clients. Each has the real
// server, migrator and repair loop, over a fake kernel with containers whose memory is remote.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/mutex.h"
#include "agent/cli/arguments.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/repair/policy_loop.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/os/base/end_signals.h"
#include "agent/os/process/own_process.h"
#include "agent/rpc/server.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/fake_name_source.h"

namespace numalocality {
namespace {

constexpr uint64_t kHeap = 0x10000000;

struct Options {
  std::string directory;  // of the sockets, "agent-0/agent.sock", and of the file "endpoints"
  int agents = 1;
  int containers = 1;
  int pages = 1000;  // of each container, on node 0; its CPUs are those of node 1
  absl::Duration period = absl::Seconds(1);
};

// The container shop/db-<index> of the agent <number>.
struct SyntheticContainer {
  SyntheticContainer(int number, int index)
      : uid(absl::StrFormat("%08d-0000-0000-0000-%012d", number, index)),
        id(absl::StrFormat("%032d%032d", number, index)),
        cgroup(absl::StrCat("/kubepods/burstable/pod", uid, "/", id)) {
    known.container_id = id;
    known.pod_uid = uid;
    known.description = {
        {"shop", absl::StrCat("db-", number, "-", index), "db"}, PodMetadata(), {}};
  }

  std::string uid;
  std::string id;
  std::string cgroup;
  KnownContainer known;
  std::shared_ptr<FakeProcess> process;
  int64_t shown_pages = -1;  // on node 0
};

class SyntheticAgent {
 public:
  SyntheticAgent(int number, const Options& options) {
    configuration_->period = options.period;
    // For GetStatus.
    machine_.tree().Write("proc/self/status",
                          "CapEff:\t000001ffffffffff\nSeccomp:\t0\nMems_allowed_list:\t0-1\n");
    machine_.tree().Write("proc/self/ns/pid", "");
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
    auto source = std::make_unique<FakeNameSource>("cri");
    for (int i = 0; i < options.containers; ++i) {
      SyntheticContainer container(number, i);
      container.process = machine_.AddProcess(100 + i, "4-7", container.cgroup);
      container.process->AddPages(kHeap, options.pages, 0);
      machine_.Publish(*container.process);
      machine_.AddCgroup(container.cgroup, {100 + i});
      source->known.push_back(container.known);
      containers_.push_back(std::move(container));
    }
    ShowCounters();
    machine_.kernel().OnMoved([this](const auto&) { ShowCounters(); });
    std::vector<std::unique_ptr<NameSource>> sources;
    sources.push_back(std::move(source));
    names_ = std::make_unique<NameDirectory>(std::move(sources), Clock::System());
    names_->ReadAll();
    context_.names = names_.get();
    migrator_ = std::make_unique<Migrator>(context_);
    loop_ = std::make_unique<PolicyLoop>(context_, LoopSources(), *migrator_, board_, totals_);
    migrator_->AddListener(loop_.get());
    migrator_->Start(1);
    loop_->Start();
  }

  // Ends the program if it cannot listen.
  void Serve(const std::string& socket, const std::string& node) {
    Served served{context_, *migrator_, board_};
    served.node_name = node;
    auto server = Server::Start(socket, served);
    if (!server.ok()) {
      LogError(server.status().message());
      std::exit(EXIT_FAILURE);
    }
    server_ = *std::move(server);
  }

  ~SyntheticAgent() {
    migrator_->Shutdown(absl::Seconds(5));
    loop_->Stop();
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  }

 private:
  PolicyLoopSources LoopSources() {
    PolicyLoopSources sources;
    sources.configuration = [this] { return configuration_; };
    sources.describe = [this](const ContainerRef& container) {
      return names_->Describe(container);
    };
    return sources;
  }

  // Makes each memory.numa_stat show where the process's pages are.
  void ShowCounters() {
    const MutexLock lock(mutex_);
    for (SyntheticContainer& container : containers_) {
      const int64_t pages = container.process->PagesOn(0);
      if (std::exchange(container.shown_pages, pages) == pages) continue;
      machine_.WriteCgroupFile(
          container.cgroup, "memory.numa_stat",
          absl::StrFormat("anon N0=%d N1=%d\nfile N0=0 N1=0\nshmem N0=0 N1=0\n",
                          pages * static_cast<int64_t>(kFakePage),
                          container.process->PagesOn(1) * static_cast<int64_t>(kFakePage)));
    }
  }

  FakeMachine machine_;
  const std::shared_ptr<Configuration> configuration_ = std::make_shared<Configuration>();
  EngineContext context_{machine_.kernel(), Clock::System(), machine_.host(), {}};
  Mutex mutex_;  // orders calls of ShowCounters
  std::vector<SyntheticContainer> containers_;
  std::unique_ptr<NameDirectory> names_;
  std::unique_ptr<Migrator> migrator_;
  ReportBoard board_{Clock::System()};
  TotalsCounter totals_;
  std::unique_ptr<PolicyLoop> loop_;
  std::unique_ptr<Server> server_;
};

int Run(const Options& options) {
  const sigset_t signals = BlockEndSignals();
  if (const absl::Status raised = RaiseOpenFileLimit(); !raised.ok()) LogWarning(raised.message());

  std::vector<std::unique_ptr<SyntheticAgent>> agents;
  std::ofstream endpoints(options.directory + "/endpoints");
  for (int i = 0; i < options.agents; ++i) {
    const std::string socket = absl::StrCat(options.directory, "/agent-", i, "/agent.sock");
    agents.push_back(std::make_unique<SyntheticAgent>(i, options));
    agents.back()->Serve(socket, absl::StrCat("node-", i));
    endpoints << "unix:" << socket << " node-" << i << "\n";
  }
  endpoints.close();
  std::cout << "serving" << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace numalocality

// NOLINTNEXTLINE(bugprone-exception-escape): CLI11 throws for options that are declared wrongly.
int main(int argc, char** argv) {
  numalocality::Options options;
  CLI::App app("Serves agents of synthetic hosts until SIGTERM. Prints \"serving\" when all are.");
  app.add_option("--directory", options.directory, "Directory of the sockets and of endpoints")
      ->required();
  app.add_option("--agents", options.agents, "Number of agents");
  app.add_option("--containers", options.containers, "Containers of each agent");
  app.add_option("--pages", options.pages, "Pages of each container, all of them remote");
  numalocality::AddParsedOption(app, "--period", numalocality::ParseTimeSpan, options.period,
                                "Period of the reports");
  CLI11_PARSE(app, argc, argv);
  return numalocality::Run(options);
}
