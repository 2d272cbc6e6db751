// The program numa-locality-agent: reads flags, starts the agent, waits for a signal, stops the
// agent.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/agent.h"
#include "agent/base/log.h"
#include "agent/base/version.h"
#include "agent/config/parse_configuration.h"
#include "agent/os/base/end_signals.h"
#include "agent/os/base/file.h"
#include "agent/os/process/own_process.h"
#include "agent/runtime/seccomp_profile.h"

namespace numalocality {
namespace {

struct Flags {
  AgentOptions agent;
  bool check_config = false;
  LogFormat log_format = LogFormat::kText;
  std::vector<std::string> seccomp_profile;  // from, to
};

// The documentation promises that the agent exits within 5 s of a signal.
constexpr absl::Duration kLastGrace = absl::Milliseconds(4500);

// Makes the process exit kLastGrace from now at the latest. gRPC's shutdown waits for its threads,
// and one of them may be in a stalled call.
void ExitInTime() {
  std::thread([] {
    absl::SleepFor(kLastGrace);
    LogError("Exiting while kernel calls are still running (probably a page scan).");
    _exit(EXIT_FAILURE);
  }).detach();
}

// --check-config: checks everything in the file that does not depend on the machine.
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

int Run(const Flags& flags) {
  InitLog(flags.log_format);
  const sigset_t signals = BlockEndSignals();
  if (const absl::Status status = RaiseOpenFileLimit(); !status.ok()) {
    LogWarning(status.message());
  }
  Agent agent(flags.agent);
  if (const absl::Status status = agent.Start(); !status.ok()) {
    LogError(status.message());
    return EXIT_FAILURE;
  }
  LogInfo(absl::StrCat("serving socket=", flags.agent.socket, " version=", VersionText()));

  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo(absl::StrCat("stopping on signal ", sigabbrev_np(signal)));
  ExitInTime();
  // A thread in a stalled call can be neither joined nor killed.
  if (!agent.Stop()) _exit(EXIT_FAILURE);
  LogInfo("stopped");
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace numalocality

int main(int argc, char** argv) {
  using numalocality::LogFormat;
  numalocality::Flags flags;
  CLI::App app(
      "Reports where pods' memory is relative to their CPUs, and moves it to the nodes of these "
      "CPUs by policy and on request.",
      "numa-locality-agent");
  app.set_version_flag("--version", numalocality::VersionText());
  app.add_option("--config", flags.agent.config,
                 "Configuration file; without one the agent repairs nothing by policy")
      ->capture_default_str()
      ->type_name("PATH");
  app.add_flag(
      "--check-config", flags.check_config,
      "Check the configuration file, print its first error with line and column, and exit");
  app.add_option("--socket", flags.agent.socket,
                 "Unix socket to serve the API on, in a directory that nothing else uses")
      ->capture_default_str();
  app.add_option(
         "--front-socket", flags.agent.front_socket,
         "Unix socket for numa-locality-front, which serves the API over the network; the group "
         "of its directory may connect; default: none")
      ->type_name("PATH");
  app.add_option("--viewer-socket", flags.agent.viewer_socket,
                 "Unix socket on which every caller may look and change nothing, against mistakes; "
                 "only root can open it; default: none")
      ->type_name("PATH");
  app.add_option("--cri-socket", flags.agent.cri_socket,
                 "Unix socket of the container runtime, such as /run/containerd/containerd.sock; "
                 "needed for labels of pods and for migrations that stick; default: none")
      ->type_name("PATH");
  app.add_option("--log-format", flags.log_format, "Format of log lines: text or json")
      ->transform(CLI::CheckedTransformer(std::map<std::string, LogFormat>{
          {"text", LogFormat::kText}, {"json", LogFormat::kJson}}));
  app.add_option(
         "--install-seccomp-profile", flags.seccomp_profile,
         "Copy the seccomp profile from file FROM to file TO, in the directory where kubelet "
         "looks for profiles, and exit")
      ->expected(2)
      ->type_name("FROM TO");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version also throw, with exit code 0.
    return app.exit(error) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (flags.check_config) return numalocality::CheckConfigurationFile(flags.agent.config);
  if (const auto& paths = flags.seccomp_profile; !paths.empty()) {
    return numalocality::InstallProfile(paths[0], paths[1]);
  }
  return numalocality::Run(flags);
}
