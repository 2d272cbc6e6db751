// The API over TCP: clients with a valid certificate connect, others are refused.
#include "agent/rpc/network_server.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/clock.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/rpc/grpc_log.h"
#include "agent/rpc/server.h"
#include "numalocality/v1/agent.grpc.pb.h"
#include "tests/component/test_ca.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::network_server_test {
namespace {

using ::testing::HasSubstr;

constexpr char kName[] = "agents.test";
// Longer than gRPC takes to look at the files again.
constexpr absl::Duration kRotation = absl::Seconds(40);

// A host's agent with files as kubelet lays them out, and clients.
class NetworkServerTest : public testing::Test {
 protected:
  NetworkServerTest() {
    WriteFiles("1", ca_.Issue(kName), ca_.certificate());
    machine_.tree().Write("proc/self/status",
                          "CapEff:\t0000000000080000\nSeccomp:\t0\nMems_allowed_list:\t0\n");
    machine_.tree().Write("proc/self/ns/pid", "");
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
  }
  ~NetworkServerTest() override {
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  }

  // A Secret's volume: directories that are complete, and a link that is swapped.
  void WriteFiles(const std::string& version, const Identity& identity, const std::string& ca) {
    tree_.Write(version + "/tls.crt", identity.certificate);
    tree_.Write(version + "/tls.key", identity.key);
    tree_.Write(version + "/ca.crt", ca);
    tree_.Link("new", version);
    tree_.Rename("new", "..data");
    for (const char* file : {"tls.crt", "tls.key", "ca.crt"}) {
      if (version == "1") tree_.Link(file, absl::StrCat("..data/", file));
    }
  }

  GrpcOptions Options() const {
    return {"127.0.0.1:0", tree_.Path("tls.crt"), tree_.Path("tls.key"), tree_.Path("ca.crt")};
  }

  absl::Status Start(const GrpcOptions& options) {
    Served served{context_, migrator_, board_};
    served.node_name = "node-7";
    served.network = options;
    auto server = Server::Start(tree_.Path("own/agent.sock"), served);
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }

  grpc::Status Call(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                    v1::GetStatusResponse* response = nullptr) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, kName);
    const auto stub = v1::AgentService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", server_->network_port()), credentials, arguments));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    v1::GetStatusResponse unused;
    return stub->GetStatus(&context, {}, response == nullptr ? &unused : response);
  }

  grpc::Status CallAs(const Identity& identity, const TestCa& trusted) {
    return Call(grpc::SslCredentials({trusted.certificate(), identity.key, identity.certificate}));
  }

  // Waits until the server has loaded replaced files; whether it then accepts the client.
  bool ServedSoon(const Identity& identity, const TestCa& trusted) {
    const absl::Time end = absl::Now() + kRotation;
    while (absl::Now() < end) {
      if (CallAs(identity, trusted).ok()) return true;
      absl::SleepFor(absl::Seconds(1));
    }
    return false;
  }

  // Whether a TLS handshake of at most this version succeeds, with a certificate that is trusted.
  bool Handshakes(int version) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls(SSL_CTX_new(TLS_client_method()),
                                                                SSL_CTX_free);
    SSL_CTX_clear_options(tls.get(), SSL_OP_NO_TLSv1_2);  // this process serves, too
    SSL_CTX_set_min_proto_version(tls.get(), TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(tls.get(), version);
    const Identity client = ca_.Issue("controller");
    tree_.Write("client.crt", client.certificate);
    tree_.Write("client.key", client.key);
    SSL_CTX_use_certificate_chain_file(tls.get(), tree_.Path("client.crt").c_str());
    SSL_CTX_use_PrivateKey_file(tls.get(), tree_.Path("client.key").c_str(), SSL_FILETYPE_PEM);
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> link(BIO_new_ssl_connect(tls.get()),
                                                             BIO_free_all);
    BIO_set_conn_hostname(link.get(), absl::StrCat("127.0.0.1:", server_->network_port()).c_str());
    SSL* ssl = nullptr;
    BIO_get_ssl(link.get(), &ssl);
    constexpr unsigned char kHttp2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl, kHttp2, sizeof(kHttp2));
    const bool done = BIO_do_handshake(link.get()) == 1;
    ERR_clear_error();
    return done;
  }

  const TestCa ca_{"cluster"};
  FakeMachine machine_;
  TempTree tree_;
  const EngineContext context_{machine_.kernel(), Clock::System(), machine_.host(), {}};
  Migrator migrator_{context_};
  ReportBoard board_{Clock::System()};
  std::unique_ptr<Server> server_;
};

TEST_F(NetworkServerTest, AClientThatTheCaSignedIsServed) {
  ASSERT_TRUE(Start(Options()).ok());
  const Identity client = ca_.Issue("controller");
  v1::GetStatusResponse response;
  const grpc::Status status =
      Call(grpc::SslCredentials({ca_.certificate(), client.key, client.certificate}), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.node_name(), "node-7");
}

TEST_F(NetworkServerTest, OthersAreRefused) {
  ASSERT_TRUE(Start(Options()).ok());
  const TestCa other("other");
  EXPECT_EQ(Call(grpc::SslCredentials({ca_.certificate(), "", ""})).error_code(),
            grpc::StatusCode::UNAVAILABLE)
      << "without a certificate";
  EXPECT_EQ(CallAs(ca_.Issue("controller", -absl::Hours(1)), ca_).error_code(),
            grpc::StatusCode::UNAVAILABLE)
      << "with one that has ended";
  EXPECT_EQ(CallAs(other.Issue("controller"), ca_).error_code(), grpc::StatusCode::UNAVAILABLE)
      << "with one of another CA";
  EXPECT_EQ(Call(grpc::InsecureChannelCredentials()).error_code(), grpc::StatusCode::UNAVAILABLE)
      << "in plaintext";
  EXPECT_TRUE(CallAs(ca_.Issue("controller"), ca_).ok());
}

TEST_F(NetworkServerTest, OnlyTls13IsSpoken) {
  ASSERT_TRUE(Start(Options()).ok());
  EXPECT_FALSE(Handshakes(TLS1_2_VERSION));
  EXPECT_TRUE(Handshakes(TLS1_3_VERSION));
}

TEST_F(NetworkServerTest, ReplacedFilesAreTakenWithoutARestart) {
  ASSERT_TRUE(Start(Options()).ok());
  const TestCa next("next");
  WriteFiles("2", next.Issue(kName), next.certificate());
  const Identity client = next.Issue("controller");
  EXPECT_TRUE(ServedSoon(client, next));
  EXPECT_FALSE(CallAs(ca_.Issue("controller"), next).ok()) << "the old CA counts no more";
}

TEST_F(NetworkServerTest, WrongFilesAreNamed) {
  const auto refusal = [this](const char* file, const std::string& content) {
    WriteFiles("2", ca_.Issue(kName), ca_.certificate());
    if (content.empty()) {
      tree_.Remove(absl::StrCat("2/", file));
    } else {
      tree_.Write(absl::StrCat("2/", file), content);
    }
    return std::string(CheckTlsFiles(Options()).message());
  };
  EXPECT_THAT(refusal("tls.crt", ""), HasSubstr("grpc.certFile: "));
  EXPECT_THAT(refusal("tls.key", ""),
              HasSubstr("tls.key: No such file or directory; replace the file"));
  EXPECT_THAT(refusal("tls.crt", "x"), HasSubstr("tls.crt contains no certificate"));
  EXPECT_THAT(refusal("tls.key", "x"), HasSubstr("tls.key contains no private key"));
  EXPECT_THAT(refusal("tls.key", ca_.Issue("other").key),
              HasSubstr("tls.key is not the private key of the certificate; replace the file"));
  EXPECT_THAT(refusal("ca.crt", "x"), HasSubstr("ca.crt contains no certificate"));
  EXPECT_THAT(refusal("tls.crt", ca_.Issue(kName, -absl::Hours(1)).certificate),
              HasSubstr("tls.key is not the private key"));
}

TEST_F(NetworkServerTest, TheFirstOfAChainAndTheLastCaCount) {
  const Identity fresh = ca_.Issue(kName);
  const std::string ended = ca_.Issue("ended", -absl::Hours(1)).certificate;
  WriteFiles("2", {fresh.certificate + ended, fresh.key}, ca_.certificate());
  EXPECT_THAT(std::string(CheckTlsFiles(Options()).message()),
              HasSubstr("tls.crt contains a certificate that expired at 20"));
  WriteFiles("3", fresh, ended);
  EXPECT_THAT(std::string(CheckTlsFiles(Options()).message()),
              HasSubstr("ca.crt contains a certificate that expired at 20"));
  WriteFiles("4", fresh, ended + ca_.certificate());
  EXPECT_TRUE(CheckTlsFiles(Options()).ok());
}

TEST_F(NetworkServerTest, ClientsAreServedOnceTheFilesAreRight) {
  WriteFiles("2", {"x", "x"}, "");
  ASSERT_TRUE(Start(Options()).ok()) << "all else works";
  const Identity client = ca_.Issue("controller");
  EXPECT_FALSE(CallAs(client, ca_).ok());
  WriteFiles("3", ca_.Issue(kName), ca_.certificate());
  EXPECT_TRUE(ServedSoon(client, ca_));
}

TEST_F(NetworkServerTest, APortInUseIsAnError) {
  ASSERT_TRUE(Start(Options()).ok());
  GrpcOptions same = Options();
  same.address = absl::StrCat("127.0.0.1:", server_->network_port());
  int port = 0;
  const absl::Status second = StartNetworkServer(same, {}, 1 << 10, port).status();
  EXPECT_TRUE(absl::IsUnavailable(second)) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr(same.address));
}

TEST_F(NetworkServerTest, DoctorReportsAnExpiredCertificate) {
  WriteFiles("2", ca_.Issue(kName, -absl::Hours(1)), ca_.certificate());
  ASSERT_TRUE(Start(Options()).ok()) << "it may be renewed";
  const auto stub = v1::AgentService::NewStub(grpc::CreateChannel(
      absl::StrCat("unix:", tree_.Path("own/agent.sock")), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::GetStatusResponse response;
  ASSERT_TRUE(stub->GetStatus(&context, {}, &response).ok());
  EXPECT_THAT(response.ShortDebugString(),
              HasSubstr("tls.crt contains a certificate that expired at 20"));
}

TEST_F(NetworkServerTest, AllAddressesAreOneAddress) {
  GrpcOptions options = Options();
  options.address = "[::]:0";
  ASSERT_TRUE(Start(options).ok());
  EXPECT_TRUE(CallAs(ca_.Issue("controller"), ca_).ok()) << "over IPv4";
}

TEST(LineBudgetTest, IsTwentyAMinuteAndCountsTheRest) {
  LineBudget budget;
  const absl::Duration start;
  int written = 0;
  for (int i = 0; i < 50; ++i) {
    if (budget.Spend(start + absl::Seconds(i)).has_value()) ++written;
  }
  EXPECT_EQ(written, 20);
  EXPECT_EQ(budget.Spend(start + absl::Seconds(60)), 30);
  EXPECT_EQ(budget.Spend(start + absl::Seconds(61)), 0);
}

}  // namespace
}  // namespace numalocality::network_server_test
