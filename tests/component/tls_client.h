// The client's side of mutual TLS, for tests: certificate files, and a way to run localityctl.
#ifndef NUMALOCALITY_TESTS_COMPONENT_TLS_CLIENT_H_
#define NUMALOCALITY_TESTS_COMPONENT_TLS_CLIENT_H_

#include <grpcpp/security/server_credentials.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/commands.h"
#include "tests/component/test_ca.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::localityctl {

inline constexpr char kServerName[] = "agents.test";

// An agent's side: clients need a certificate of `ca`.
inline std::shared_ptr<grpc::ServerCredentials> ServerCredentialsOf(const Identity& identity,
                                                                    const TestCa& ca) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = ca.certificate();
  options.pem_key_cert_pairs = {{identity.key, identity.certificate}};
  return grpc::SslServerCredentials(options);
}

// With the options of a client that a CA of the test's own has signed.
class TlsClientTest : public testing::Test {
 protected:
  TlsClientTest() {
    WriteFiles(ca_.Issue("client"), ca_.certificate());
    globals_.tls = {tree_.Path("ca.crt"), tree_.Path("tls.crt"), tree_.Path("tls.key"),
                    kServerName};
    globals_.timeout = absl::Seconds(10);
  }

  void WriteFiles(const Identity& client, const std::string& ca) {
    tree_.Write("ca.crt", ca);
    tree_.Write("tls.crt", client.certificate);
    tree_.Write("tls.key", client.key);
  }

  absl::StatusOr<ExitCode> Run(Command (*make)(CLI::App&, const GlobalOptions&),
                               std::vector<const char*> arguments) {
    CLI::App app;
    const Command command = make(app, globals_);
    arguments.insert(arguments.begin(), "localityctl");
    const auto exit_code =
        ParseCommandLine(app, static_cast<int>(arguments.size()), arguments.data());
    if (exit_code.has_value()) return *exit_code;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    auto result = command.run();
    printed_ = testing::internal::GetCapturedStdout();
    complaints_ = testing::internal::GetCapturedStderr();
    return result;
  }

  const TestCa ca_{"cluster"};
  TempTree tree_;
  GlobalOptions globals_;
  std::string printed_;
  std::string complaints_;
};

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_TESTS_COMPONENT_TLS_CLIENT_H_
