// numa-locality-agent: reads flags, builds in order, waits for a signal, stops in reverse order.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/base/version.h"
#include "agent/config/parse_configuration.h"
#include "agent/engine/configuration_check.h"
#include "agent/engine/configuration_source.h"
#include "agent/engine/findings.h"
#include "agent/engine/migrator.h"
#include "agent/engine/name_directory.h"
#include "agent/engine/policy_loop.h"
#include "agent/engine/report_board.h"
#include "agent/engine/self_test.h"
#include "agent/engine/totals.h"
#include "agent/http/http_server.h"
#include "agent/http/metrics.h"
#include "agent/model/configuration.h"
#include "agent/os/file.h"
#include "agent/os/host_paths.h"
#include "agent/os/kernel_calls.h"
#include "agent/os/own_privileges.h"
#include "agent/os/own_process.h"
#include "agent/os/process_cgroup.h"
#include "agent/os/process_limits.h"
#include "agent/os/unix_socket.h"
#include "agent/rpc/network_server.h"
#include "agent/rpc/record_files.h"
#include "agent/rpc/reservation_file.h"
#include "agent/rpc/server.h"
#include "agent/runtime/cri_client.h"
#include "agent/runtime/cri_events.h"
#include "agent/runtime/name_sources.h"
#include "agent/runtime/seccomp_profile.h"

namespace numalocality {
namespace {

constexpr char kDefaultConfiguration[] = "/etc/numa-locality-agent/config.yaml";

struct Flags {
  std::string config = kDefaultConfiguration;
  bool check_config = false;
  std::string socket = "/run/numa-locality-agent/agent.sock";
  std::string cri_socket;
  LogFormat log_format = LogFormat::kText;
  std::vector<std::string> seccomp_profile;  // from, to
};

// Of looks at the configuration file.
constexpr absl::Duration kReloadPeriod = absl::Seconds(1);
// The loop is stuck if it has not ended a step for so much longer than a period.
constexpr absl::Duration kLoopGrace = absl::Minutes(1);
// Together less than the 5 seconds within which the agent promises to end.
constexpr absl::Duration kMigrationGrace = absl::Milliseconds(3500);
constexpr absl::Duration kCallGrace = absl::Milliseconds(500);
constexpr absl::Duration kLastGrace = absl::Milliseconds(4500);

// Ends the process, come what may, kLastGrace from now: gRPC's shutdown waits for its threads, and
// the kernel may hold one of them in a read.
void EndInTime() {
  std::thread([] {
    absl::SleepFor(kLastGrace);
    LogError("ending without the calls that the kernel still holds: a scan of pages, probably");
    _exit(EXIT_FAILURE);
  }).detach();
}

// --check-config: whether the file is right, as far as that does not depend on the machine.
int CheckConfigurationFile(const std::string& path) {
  const auto text = ReadFile(path);
  const absl::Status status = text.ok() ? ParseConfiguration(*text).status() : text.status();
  if (status.ok()) {
    std::cout << "ok\n";
    return EXIT_SUCCESS;
  }
  std::cerr << "ERROR: " << path << ": " << status.message() << "\n";
  return EXIT_FAILURE;
}

// --install-seccomp-profile.
int InstallProfile(const std::string& from, const std::string& to) {
  const absl::Status status = InstallSeccompProfile(from, to);
  if (status.ok()) return EXIT_SUCCESS;
  std::cerr << "ERROR: " << status.message() << "\n";
  return EXIT_FAILURE;
}

ConfigurationSource::Presence PresenceOf(const std::string& path) {
  return path == kDefaultConfiguration ? ConfigurationSource::Presence::kOptional
                                       : ConfigurationSource::Presence::kRequired;
}

absl::Status CheckHere(const Configuration& configuration) {
  const auto privileges = ReadOwnPrivileges(HostPaths());
  if (!privileges.ok()) return privileges.status();
  return CheckConfiguration(configuration, privileges->effective);
}

SourceOptions SourcesOf(const Configuration& configuration, const Flags& flags) {
  SourceOptions sources = configuration.sources;
  if (!flags.cri_socket.empty()) sources.cri_socket = flags.cri_socket;
  return sources;
}

// NODE_NAME, which a DaemonSet sets (spec.nodeName): a pod's own host name is the pod's.
std::string NodeName() {
  if (const char* const name = std::getenv("NODE_NAME"); name != nullptr) return name;
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, HOST_NAME_MAX) == 0 ? name : "";
}

MigrationContext ContextOf(const Configuration& configuration, const NameDirectory& names) {
  HostPaths paths;
  paths.local_distance = configuration.local_distance;
  // Where that fails, the self-test says what is wrong with the cgroups.
  if (auto name_space = FindCgroupNamespace(paths); name_space.ok()) {
    paths.cgroup_namespace = *std::move(name_space);
  }
  MigrationContext context{KernelCalls::System(), Clock::System(), paths, HostLimits()};
  context.names = &names;
  return context;
}

// The agent's parts, in the order in which they are made.
class Agent {
 public:
  explicit Agent(const Flags& flags)
      : configuration_(flags.config, PresenceOf(flags.config), Clock::System(), ParseConfiguration,
                       CheckHere),
        sources_(SourcesOf(*configuration_.Current(), flags)),
        network_(configuration_.Current()->grpc),
        names_(MakeNameSources(sources_), Clock::System()),
        context_(ContextOf(*configuration_.Current(), names_)),
        runtime_(sources_.cri_socket.empty() ? nullptr
                                             : std::make_unique<CriClient>(sources_.cri_socket)),
        board_(Clock::System()),
        migrator_(context_, runtime_.get()),
        loop_(context_, LoopSources(), migrator_, board_, totals_) {}

  absl::Status Start(const std::string& socket) {
    LogFindings();
    // The records are below the socket's directory, which is for the agent's user only.
    NL_RETURN_IF_ERROR(PrepareSocketPath(socket));
    const std::filesystem::path directory = std::filesystem::path(socket).parent_path();
    OpenRecords(directory / "records");
    RestoreReservations(directory / "reservations.pb");
    ApplyLimits();
    migrator_.AddListener(&totals_);
    migrator_.AddListener(&loop_);
    migrator_.Start(configuration_.Current()->limits.concurrent_migrations);
    const Served served{
        context_,        migrator_,      board_,        runtime_.get(),
        &configuration_, records_.get(), Explanation(), [this] { return loop_.watch_status(); },
        NodeName(),      network_};
    NL_ASSIGN_OR_RETURN(server_, Server::Start(socket, served));
    if (const std::string& address = configuration_.Current()->http.address; !address.empty()) {
      NL_ASSIGN_OR_RETURN(http_, HttpServer::Start(address, Pages()));
    }
    names_.OnChange([this] { loop_.Wake(); });
    names_.Start();
    if (runtime_ != nullptr && sources_.cri_events) {
      events_ = std::make_unique<CriEvents>(sources_.cri_socket, [this] { names_.Nudge(); });
    }
    loop_.Start();
    configuration_.Start(kReloadPeriod, [this] {
      ApplyLimits();
      migrator_.SetWorkers(configuration_.Current()->limits.concurrent_migrations);
      loop_.Wake();
    });
    return absl::OkStatus();
  }

  // Returns whether everything has ended; else threads are left in the kernel.
  bool Stop() {
    EndInTime();
    configuration_.Stop();
    const std::vector<std::string> held = migrator_.Shutdown(kMigrationGrace);
    // These wake the loop.
    events_.reset();
    names_.Stop();
    loop_.Stop();
    server_->Shutdown(kCallGrace);
    for (const std::string& call : held) LogError(call);
    return held.empty();
  }

 private:
  PolicyLoopSources LoopSources() {
    PolicyLoopSources sources;
    sources.configuration = [this] { return configuration_.Current(); };
    sources.describe = [this](const ContainerRef& container) { return names_.Describe(container); };
    sources.ask_names = [this] { names_.Nudge(); };
    sources.metadata_expected = !sources_.cri_socket.empty();
    sources.kubelet_dir = sources_.kubelet_dir;
    return sources;
  }

  // What earlier agents have left, if it can be read: it is worth nothing that would keep this one
  // from its work.
  void OpenRecords(const std::string& directory) {
    auto records = RecordFiles::Open(directory, context_);
    if (!records.ok()) return LogError(records.status().message());
    records_ = *std::move(records);
    loop_.Restore(records_->EarlierEnds());
    migrator_.AddListener(records_.get());
  }

  void RestoreReservations(const std::string& path) {
    const ReservationFile file(path);
    migrator_.reservations().Restore(
        file.Read(), [file](const std::vector<Reservation>& held) { file.Write(held); });
  }

  void ApplyLimits() {
    const AgentLimits limits = configuration_.Current()->limits;
    HostLimits host;
    host.node_reserve = limits.node_reserve;
    migrator_.SetLimits(host, limits.bytes_per_second);
  }

  ExplanationSources Explanation() {
    ExplanationSources sources;
    sources.limits = [this] { return migrator_.Limits(); };
    sources.stuck_bytes = [this](const WorkloadPlacement& placement) {
      return migrator_.StuckBytes(placement);
    };
    sources.assignment = [this](const Workload& workload) -> std::optional<KubeletAssignment> {
      if (!workload.container.has_value()) return std::nullopt;
      return names_.Describe(*workload.container).assignment;
    };
    return sources;
  }

  HttpPages Pages() {
    HttpPages pages;
    pages.metrics = [this] { return MetricsText(CollectMetrics(Metrics())); };
    pages.health = [this] { return Health(); };
    pages.not_ready = [this] { return NotReady(); };
    return pages;
  }

  MetricsInput Metrics() const {
    MetricsInput input;
    input.report = board_.Latest();
    input.totals = totals_.Read();
    input.active_migrations = migrator_.ActiveCount();
    for (const SourceStatus& source : names_.Status()) {
      input.discovery_errors.push_back({source.id, source.error_count});
    }
    input.config_reload_ok = configuration_.Status().error.empty();
    input.options = configuration_.Current()->http;
    if (!network_.address.empty()) input.api_certificate_expiry = TlsFilesExpiry(network_);
    if (const auto process = ReadOwnProcess(context_.paths); process.ok()) input.process = *process;
    return input;
  }

  absl::Status Health() const {
    const absl::Time last = std::max(loop_.last_tick(), start_time_);
    const absl::Duration age = context_.clock.Now() - last;
    if (age < configuration_.Current()->period + kLoopGrace) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("no report for ", absl::FormatDuration(age), ": the loop is stuck"));
  }

  std::vector<std::string> NotReady() const {
    std::vector<std::string> reasons;
    if (loop_.last_tick() == absl::InfinitePast())
      reasons.push_back("the first report is not read");
    const auto status = RunSelfTest(context_, nullptr, &configuration_);
    if (!status.ok()) {
      reasons.emplace_back(status.status().message());
      return reasons;
    }
    for (const Finding& finding : FindingsOf(*status)) {
      if (finding.severity == Severity::kError) reasons.push_back(finding.message);
    }
    return reasons;
  }

  // Says in the log what hinders the agent. Notes are for those who ask: 'localityctl doctor'.
  void LogFindings() const {
    const auto status = RunSelfTest(context_, runtime_.get(), &configuration_);
    if (!status.ok()) return LogError(absl::StrCat("self-test: ", status.status().message()));
    for (const Finding& finding : FindingsOf(*status)) {
      const std::string text = absl::StrCat(finding.message, ". ", finding.advice, ".");
      if (finding.severity == Severity::kError) LogError(text);
      if (finding.severity == Severity::kWarning) LogWarning(text);
    }
  }

  const absl::Time start_time_ = absl::Now();
  ConfigurationSource configuration_;
  const SourceOptions sources_;
  const GrpcOptions network_;
  NameDirectory names_;
  const MigrationContext context_;
  const std::unique_ptr<CriClient> runtime_;
  TotalsCounter totals_;
  ReportBoard board_;
  std::unique_ptr<RecordFiles> records_;
  Migrator migrator_;
  PolicyLoop loop_;
  std::unique_ptr<CriEvents> events_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<HttpServer> http_;
};

// Blocks the signals that end the agent, in this thread and those made later. Returns them.
sigset_t BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Run(const Flags& flags) {
  InitLog(flags.log_format);
  const sigset_t signals = BlockEndSignals();
  if (const absl::Status status = RaiseOpenFileLimit(); !status.ok()) {
    LogWarning(status.message());
  }
  Agent agent(flags);
  if (const absl::Status status = agent.Start(flags.socket); !status.ok()) {
    LogError(status.message());
    return EXIT_FAILURE;
  }
  LogInfo(absl::StrCat("serving socket=", flags.socket, " version=", VersionText()));

  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo(absl::StrCat("ending on signal ", sigabbrev_np(signal)));
  // A thread that the kernel holds can be neither joined nor killed: leave without it.
  if (!agent.Stop()) _exit(EXIT_FAILURE);
  LogInfo("ended");
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace numalocality

int main(int argc, char** argv) {
  using numalocality::LogFormat;
  numalocality::Flags flags;
  CLI::App app(
      "Tells where pods' memory is relative to their CPUs, and brings it there by policy and on "
      "request.",
      "numa-locality-agent");
  app.set_version_flag("--version", numalocality::VersionText());
  app.add_option("--config", flags.config, "Configuration file; see --check-config")
      ->capture_default_str()
      ->type_name("PATH");
  app.add_flag("--check-config", flags.check_config,
               "Say whether the configuration file is right, and where it is not, and end");
  app.add_option("--socket", flags.socket, "Unix socket to serve on, in a directory of its own")
      ->capture_default_str();
  app.add_option(
         "--cri-socket", flags.cri_socket,
         "Unix socket of the container runtime, such as /run/containerd/containerd.sock: for "
         "names and labels of pods, and migrations that stick; default: none")
      ->type_name("PATH");
  app.add_option("--log-format", flags.log_format, "text or json")
      ->transform(CLI::CheckedTransformer(std::map<std::string, LogFormat>{
          {"text", LogFormat::kText}, {"json", LogFormat::kJson}}));
  app.add_option("--install-seccomp-profile", flags.seccomp_profile,
                 "Put the seccomp profile FROM where kubelet looks for it on the node, TO, and end")
      ->expected(2)
      ->type_name("FROM TO");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Also --help and --version end up here, with 0.
    return app.exit(error) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (flags.check_config) return numalocality::CheckConfigurationFile(flags.config);
  if (const auto& paths = flags.seccomp_profile; !paths.empty()) {
    return numalocality::InstallProfile(paths[0], paths[1]);
  }
  return numalocality::Run(flags);
}
