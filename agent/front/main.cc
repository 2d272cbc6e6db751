// The program numa-locality-front: serves the agent's API over the network, by nginx. Has no
// privileges; the agent decides what a client may do.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/version.h"
#include "agent/front/front_options.h"
#include "agent/front/nginx_configuration.h"
#include "agent/front/supervisor.h"
#include "agent/os/base/end_signals.h"

namespace numalocality {
namespace {

// How long calls may go on after a signal. The agent, which a pod's end stops too, takes longer and
// ends those that remain.
constexpr absl::Duration kGrace = absl::Seconds(3);
constexpr timespec kPeriod = {1, 0};

int Serve(const FrontOptions& options, LogFormat format) {
  InitLog(format);
  if (const absl::Status status = CheckFrontOptions(options); !status.ok()) {
    LogError(status.message());
    return EXIT_FAILURE;
  }
  const sigset_t signals = BlockEndSignals();
  Supervisor supervisor(options, Clock::System());
  while (true) {
    if (const absl::Status status = supervisor.Tick(); !status.ok()) {
      LogError(status.message());
      return EXIT_FAILURE;
    }
    if (sigtimedwait(&signals, nullptr, &kPeriod) > 0) break;
  }
  supervisor.Stop(kGrace);
  LogInfo("stopped");
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace numalocality

int main(int argc, char** argv) {
  using numalocality::LogFormat;
  numalocality::FrontOptions options;
  LogFormat log_format = LogFormat::kText;
  CLI::App app(
      "Serves the agent's API over the network by nginx, to clients with a certificate. Loads the "
      "files again when they are replaced.",
      "numa-locality-front");
  app.set_version_flag("--version", numalocality::VersionText());
  app.add_option("--address", options.address, "Address and port to listen on")
      ->capture_default_str();
  app.add_option("--http-address", options.http_address,
                 "Address and port of /healthz and /metrics, in plaintext; default: none");
  app.add_option("--agent-socket", options.agent_socket, "The agent's --front-socket")
      ->capture_default_str();
  app.add_option("--cert", options.certificate,
                 "Certificate of the front, then of the intermediate CAs (PEM)")
      ->required();
  app.add_option("--key", options.key, "Private key of the certificate (PEM)")->required();
  app.add_option("--client-ca", options.client_ca,
                 "Certificates of the CAs that sign clients' certificates (PEM)")
      ->required();
  app.add_option("--crl", options.revocations,
                 "Lists of revoked certificates (PEM), one of each of these CAs; default: none");
  app.add_option("--work-dir", options.work_dir,
                 "Directory for nginx's configuration and temporary files")
      ->capture_default_str();
  app.add_option("--nginx", options.nginx, "The program nginx")->capture_default_str();
  app.add_option("--connections", options.connections,
                 "Clients' connections and calls together; the agent needs more file descriptors")
      ->capture_default_str()
      ->check(CLI::Range(64, 65536));
  app.add_option("--calls-per-client", options.calls_per_client,
                 "Calls and watches at the same time of one certificate")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  app.add_option("--calls-per-address", options.calls_per_address,
                 "Calls and watches at the same time from one address")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  app.add_option("--calls-per-second", options.calls_per_second,
                 "Calls a second of one certificate, on average")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  app.add_option("--log-format", log_format, "Format of log lines: text or json")
      ->transform(CLI::CheckedTransformer(std::map<std::string, LogFormat>{
          {"text", LogFormat::kText}, {"json", LogFormat::kJson}}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version also throw, with exit code 0.
    return app.exit(error) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  return numalocality::Serve(options, log_format);
}
