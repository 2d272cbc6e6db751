// numa-locality-agent: reads flags, starts the agent, waits for a signal, stops it.
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

// The agent promises to end within 5 seconds.
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
  Agent agent(flags.agent);
  if (const absl::Status status = agent.Start(); !status.ok()) {
    LogError(status.message());
    return EXIT_FAILURE;
  }
  LogInfo(absl::StrCat("serving socket=", flags.agent.socket, " version=", VersionText()));

  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo(absl::StrCat("ending on signal ", sigabbrev_np(signal)));
  EndInTime();
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
  app.add_option("--config", flags.agent.config, "Configuration file; see --check-config")
      ->capture_default_str()
      ->type_name("PATH");
  app.add_flag("--check-config", flags.check_config,
               "Say whether the configuration file is right, and where it is not, and end");
  app.add_option("--socket", flags.agent.socket,
                 "Unix socket to serve on, in a directory of its own")
      ->capture_default_str();
  app.add_option(
         "--cri-socket", flags.agent.cri_socket,
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
  if (flags.check_config) return numalocality::CheckConfigurationFile(flags.agent.config);
  if (const auto& paths = flags.seccomp_profile; !paths.empty()) {
    return numalocality::InstallProfile(paths[0], paths[1]);
  }
  return numalocality::Run(flags);
}
