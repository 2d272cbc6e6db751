#include "agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/config/parse_configuration.h"
#include "agent/engine/health/findings.h"
#include "agent/engine/health/self_test.h"
#include "agent/os/act/system_kernel_calls.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/base/unix_socket.h"
#include "agent/os/process/own_process.h"
#include "agent/os/process/process_cgroup.h"
#include "agent/runtime/name_sources.h"

namespace numalocality {
namespace {

// How often the configuration file is checked for changes.
constexpr absl::Duration kReloadPeriod = absl::Seconds(1);
// The loop counts as stuck if a step takes this much longer than a period.
constexpr absl::Duration kLoopGrace = absl::Minutes(1);
// Together less than 5 seconds, in which the agent promises to exit.
constexpr absl::Duration kMigrationGrace = absl::Milliseconds(3000);
constexpr absl::Duration kJobGrace = absl::Milliseconds(500);
constexpr absl::Duration kCallGrace = absl::Milliseconds(250);  // of each server

ConfigurationSource::Presence PresenceOf(const std::string& config) {
  return config == AgentOptions().config ? ConfigurationSource::Presence::kOptional
                                         : ConfigurationSource::Presence::kRequired;
}

absl::Status CheckHere(const Configuration& configuration) {
  const auto privileges = ReadOwnPrivileges(Host());
  if (!privileges.ok()) return privileges.status();
  return CheckConfiguration(configuration, privileges->effective);
}

SourceOptions SourcesOf(const Configuration& configuration, const AgentOptions& options) {
  SourceOptions sources = configuration.sources;
  if (!options.cri_socket.empty()) sources.cri_socket = options.cri_socket;
  return sources;
}

// A file beside the socket: that directory is for the agent's user only.
std::string NextTo(const std::string& socket, absl::string_view name) {
  return std::filesystem::path(socket).parent_path() / std::string(name);
}

// NODE_NAME, which the DaemonSet sets from spec.nodeName: in a pod, the host name is the pod's.
std::string NodeName() {
  if (const char* const name = std::getenv("NODE_NAME"); name != nullptr) return name;
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, HOST_NAME_MAX) == 0 ? name : "";
}

EngineContext ContextOf(const Configuration& configuration, const NameDirectory& names) {
  EngineContext context{SystemKernelCalls(), Clock::System(), ReadHost(), HostLimits()};
  context.host.local_distance = configuration.local_distance;
  context.names = &names;
  return context;
}

}  // namespace

Agent::Agent(const AgentOptions& options)
    : socket_(options.socket),
      front_socket_(options.front_socket),
      viewer_socket_(options.viewer_socket),
      configuration_(options.config, PresenceOf(options.config), Clock::System(),
                     ParseConfiguration, CheckHere, ParseValidSections),
      sources_(SourcesOf(*configuration_.Current(), options)),
      names_(MakeNameSources(sources_, ReadHost()), Clock::System()),
      context_(ContextOf(*configuration_.Current(), names_)),
      runtime_(MakeContainerResources(sources_)),
      board_(Clock::System()),
      records_(NextTo(socket_, "records")),
      reservations_(NextTo(socket_, "reservations.pb")),
      migrator_(context_, runtime_.get()),
      loop_(context_, LoopSources(), migrator_, board_, totals_) {}

absl::Status Agent::Start() {
  LogFindings();
  NL_RETURN_IF_ERROR(PrepareSocketPath(socket_));
  RestoreState();
  ApplyLimits();
  migrator_.AddListener(&totals_);
  migrator_.AddListener(&loop_);
  migrator_.Start(configuration_.Current()->limits.concurrent_migrations);
  requests_.Start();
  const SelfOptions self = configuration_.Current()->self;
  if (self.device_plugin) {
    device_plugin_ = std::make_unique<DevicePlugin>(Devices(), Clock::System());
  }
  const Served served{context_,
                      migrator_,
                      board_,
                      runtime_.get(),
                      &configuration_,
                      Explanation(),
                      [this] { return loop_.watch_status(); },
                      NodeName(),
                      [this] { return StalledCalls(); },
                      &requests_,
                      self.device_plugin ? [this] { return device_plugin_->Status(); }
                                         : std::function<SourceStatus()>(),
                      absl::StrFormat("%016x", absl::Uniform<uint64_t>(absl::BitGen()))};
  NL_ASSIGN_OR_RETURN(server_, Server::Start(socket_, served));
  sockets_.emplace_back("agent", server_->calls());
  if (!front_socket_.empty()) {
    NL_ASSIGN_OR_RETURN(front_, Server::Start(front_socket_, served, Door::kFront));
    sockets_.emplace_back("front", front_->calls());
  }
  if (!viewer_socket_.empty()) {
    NL_ASSIGN_OR_RETURN(viewer_, Server::Start(viewer_socket_, served, Door::kViewer));
    sockets_.emplace_back("viewer", viewer_->calls());
  }
  if (self.enabled) {
    NL_ASSIGN_OR_RETURN(self_, SelfSocket::Start(self.socket, served));
    sockets_.emplace_back("self", self_->calls());
  }
  if (device_plugin_ != nullptr) device_plugin_->Start();
  if (const std::string& address = configuration_.Current()->http.address; !address.empty()) {
    NL_ASSIGN_OR_RETURN(http_, HttpServer::Start(address, Pages()));
  }
  names_.OnChange([this] { loop_.Wake(); });
  names_.Start();
  events_ = MakeCriEvents(sources_, [this] { names_.Nudge(); });
  loop_.Start();
  configuration_.Start(kReloadPeriod, [this] {
    ApplyLimits();
    migrator_.SetWorkers(configuration_.Current()->limits.concurrent_migrations);
    loop_.Wake();
  });
  return absl::OkStatus();
}

bool Agent::Stop() {
  configuration_.Stop();
  std::vector<std::string> stalled = migrator_.Shutdown(kMigrationGrace);
  // Before the loop, which they wake.
  events_.reset();
  names_.Stop();
  for (std::string& job : loop_.Stop(kJobGrace)) stalled.push_back(std::move(job));
  self_.reset();
  for (Server* const server : {front_.get(), viewer_.get(), server_.get()}) {
    if (server != nullptr) server->Shutdown(kCallGrace);
  }
  device_plugin_.reset();  // after the servers, whose GetStatus asks it
  for (const std::string& call : stalled) LogError(call);
  return stalled.empty();
}

PolicyLoopSources Agent::LoopSources() {
  PolicyLoopSources sources;
  sources.configuration = [this] { return configuration_.Current(); };
  sources.describe = [this](const ContainerRef& container) { return names_.Describe(container); };
  sources.ask_names = [this] { names_.Nudge(); };
  sources.metadata_expected = !sources_.cri_socket.empty();
  sources.kubelet_dir = sources_.kubelet_dir;
  return sources;
}

SelfDevices Agent::Devices() {
  const SelfOptions self = configuration_.Current()->self;
  return {sources_.kubelet_dir, self.devices, self.socket, [this] { return self_->Check(); }};
}

void Agent::RestoreState() {
  const absl::Status restored = migrator_.Restore(records_);
  if (!restored.ok()) LogError(restored.message());
  loop_.Restore(migrator_.List());
  migrator_.reservations().Restore(reservations_.Read(), [this](const auto& reservations) {
    reservations_.Write(reservations);
  });
}

void Agent::ApplyLimits() {
  const AgentLimits limits = configuration_.Current()->limits;
  HostLimits host;
  host.room = limits.room;
  host.protected_namespaces = configuration_.Current()->protected_namespaces;
  migrator_.SetLimits(host, limits.bytes_per_second);
}

ExplanationSources Agent::Explanation() {
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

HttpPages Agent::Pages() {
  HttpPages pages;
  pages.metrics = [this] { return MetricsText(CollectMetrics(Metrics())); };
  pages.health = [this] { return Health(); };
  pages.not_ready = [this] { return NotReady(); };
  return pages;
}

MetricsInput Agent::Metrics() const {
  MetricsInput input;
  input.report = board_.Latest();
  input.totals = totals_.Read();
  input.active_migrations = migrator_.ActiveCount();
  for (const SourceStatus& source : names_.Status()) {
    input.discovery_errors.push_back({source.id, source.error_count});
  }
  for (const auto& [name, calls] : sockets_) input.sockets.push_back({name, calls->Counts()});
  input.config_reload_ok = configuration_.Status().error.empty();
  input.options = configuration_.Current()->http;
  if (const auto process = ReadOwnProcess(context_.host); process.ok()) input.process = *process;
  return input;
}

absl::Status Agent::Health() const {
  const absl::Duration last = std::max(loop_.last_tick(), started_at_);
  const absl::Duration age = context_.clock.Monotonic() - last;
  if (age < configuration_.Current()->period + kLoopGrace) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("no report for ", absl::FormatDuration(age), ": the repair loop is stuck"));
}

std::vector<StalledCall> Agent::StalledCalls() const {
  std::vector<StalledCall> calls = migrator_.StalledCalls();
  for (StalledCall& call : loop_.StalledCalls()) calls.push_back(std::move(call));
  for (StalledCall& call : requests_.Stalled()) calls.push_back(std::move(call));
  return calls;
}

std::vector<std::string> Agent::NotReady() const {
  std::vector<std::string> reasons;
  if (loop_.last_tick() == -absl::InfiniteDuration()) {
    reasons.push_back("the first report is not complete yet");
  }
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

void Agent::LogFindings() const {
  const auto status = RunSelfTest(context_, runtime_.get(), &configuration_);
  if (!status.ok()) return LogError(absl::StrCat("self-test: ", status.status().message()));
  numalocality::LogFindings(FindingsOf(*status));
}

}  // namespace numalocality
