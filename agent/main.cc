// numa-locality-agent: reads flags, builds in order, waits for a signal, stops in reverse order.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
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
#include "agent/base/version.h"
#include "agent/engine/findings.h"
#include "agent/engine/migrator.h"
#include "agent/engine/self_test.h"
#include "agent/os/host_paths.h"
#include "agent/os/kernel_calls.h"
#include "agent/os/process_limits.h"
#include "agent/rpc/server.h"
#include "agent/runtime/cri_client.h"

namespace numalocality {
namespace {

struct Flags {
  std::string socket = "/run/numa-locality-agent/agent.sock";
  std::string cri_socket;
  LogFormat log_format = LogFormat::kText;
};

constexpr int kConcurrentMigrations = 2;
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

// Says in the log what hinders the agent. Notes are for those who ask: 'localityctl doctor'.
void LogFindings(const MigrationContext& context, ContainerResources* runtime) {
  const auto status = RunSelfTest(context, runtime);
  if (!status.ok()) return LogError(absl::StrCat("self-test: ", status.status().message()));
  for (const Finding& finding : FindingsOf(*status)) {
    const std::string text = absl::StrCat(finding.message, ". ", finding.advice, ".");
    if (finding.severity == Severity::kError) LogError(text);
    if (finding.severity == Severity::kWarning) LogWarning(text);
  }
}

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
  const MigrationContext context{KernelCalls::System(), Clock::System(), HostPaths(), HostLimits()};
  std::unique_ptr<CriClient> runtime;
  if (!flags.cri_socket.empty()) runtime = std::make_unique<CriClient>(flags.cri_socket);
  LogFindings(context, runtime.get());
  Migrator migrator(context, runtime.get());
  migrator.Start(kConcurrentMigrations);
  const auto server = Server::Start(flags.socket, context, migrator, runtime.get());
  if (!server.ok()) {
    LogError(server.status().message());
    return EXIT_FAILURE;
  }
  LogInfo(absl::StrCat("serving socket=", flags.socket, " version=", kVersion));

  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo(absl::StrCat("ending on signal ", sigabbrev_np(signal)));
  EndInTime();
  const std::vector<std::string> held = migrator.Shutdown(kMigrationGrace);
  (*server)->Shutdown(kCallGrace);
  for (const std::string& call : held) LogError(call);
  // A thread that the kernel holds can be neither joined nor killed: leave without it.
  if (!held.empty()) _exit(EXIT_FAILURE);
  LogInfo("ended");
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace numalocality

int main(int argc, char** argv) {
  using numalocality::LogFormat;
  numalocality::Flags flags;
  CLI::App app("Tells where pods' memory is relative to their CPUs, and moves it there on request.",
               "numa-locality-agent");
  app.set_version_flag("--version", numalocality::kVersion);
  app.add_option("--socket", flags.socket, "Unix socket to serve on, in a directory of its own")
      ->capture_default_str();
  app.add_option(
         "--cri-socket", flags.cri_socket,
         "Unix socket of the container runtime, such as /run/containerd/containerd.sock: for "
         "migrations that stick; default: none")
      ->type_name("PATH");
  app.add_option("--log-format", flags.log_format, "text or json")
      ->transform(CLI::CheckedTransformer(std::map<std::string, LogFormat>{
          {"text", LogFormat::kText}, {"json", LogFormat::kJson}}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Also --help and --version end up here, with 0.
    return app.exit(error) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  return numalocality::Run(flags);
}
