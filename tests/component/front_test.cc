// The API over the network, through nginx as numa-locality-front runs it: who is served, who is
// refused, and what attacks leave behind.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/clock.h"
#include "agent/front/front_options.h"
#include "agent/front/nginx_configuration.h"
#include "agent/front/supervisor.h"
#include "agent/os/base/file.h"
#include "agent/os/base/tcp_listener.h"
#include "agent/os/process/own_process.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/component/test_ca.h"
#include "tests/component/two_namespaces.h"
#include "tests/component/wait.h"
#include "tests/unit/fake/fake_clock.h"

namespace numalocality::front_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kName[] = "agents.test";
constexpr char kMigrator[] = "spiffe://cluster/migrator";

int FreePort() { return ListenTcp({"127.0.0.1", false, 0})->port; }

using Stub = std::unique_ptr<v1::MigrationService::Stub>;

class FrontTest : public TwoNamespacesTest {
 protected:
  FrontTest() {
    WriteFiles("1", ca_.Issue(kName), ca_.certificate(), ca_.RevocationList({}));
    options_.address = absl::StrCat("127.0.0.1:", port_);
    options_.agent_socket = tree_.Path("front/front.sock");
    options_.certificate = tree_.Path("tls.crt");
    options_.key = tree_.Path("tls.key");
    options_.client_ca = tree_.Path("ca.crt");
    options_.revocations = tree_.Path("ca.crl");
    options_.work_dir = tree_.Path("work");
    options_.shutdown_seconds = 1;
    options_.calls_per_second = 10000;
  }

  // A Secret's volume: directories that are complete, and a link that is swapped.
  void WriteFiles(const std::string& version, const Identity& server, const std::string& ca,
                  const std::string& revoked) {
    tree_.Write(version + "/tls.crt", server.certificate);
    tree_.Write(version + "/tls.key", server.key);
    tree_.Write(version + "/ca.crt", ca);
    tree_.Write(version + "/ca.crl", revoked);
    tree_.Link("new", version);
    tree_.Rename("new", "..data");
    for (const char* file : {"tls.crt", "tls.key", "ca.crt", "ca.crl"}) {
      if (version == "1") tree_.Link(file, absl::StrCat("..data/", file));
    }
  }

  // Starts nginx, and waits until it serves.
  void Start() {
    ASSERT_TRUE(CheckFrontOptions(options_).ok());
    supervisor_ = std::make_unique<Supervisor>(options_, Clock::System());
    Step();
    ASSERT_TRUE(WaitUntil([this] { return List(kMigrator) == "OK"; }));
  }

  void Step() {
    const absl::Status status = supervisor_->Tick();
    ASSERT_TRUE(status.ok()) << status;
  }

  // A connection of its own.
  std::shared_ptr<grpc::Channel> Connect(const std::shared_ptr<grpc::ChannelCredentials>& by) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, kName);
    return grpc::CreateCustomChannel(options_.address, by, arguments);
  }
  std::shared_ptr<grpc::Channel> ConnectAs(const Identity& client, const TestCa& trusted) {
    return Connect(grpc::SslCredentials({trusted.certificate(), client.key, client.certificate}));
  }
  Stub StubOf(const Identity& client) {
    return v1::MigrationService::NewStub(ConnectAs(client, ca_));
  }

  std::string ListBy(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    v1::ListMigrationsResponse response;
    return Answer(v1::MigrationService::NewStub(channel)->ListMigrations(
        &context, v1::ListMigrationsRequest(), &response));
  }
  std::string ListAs(const Identity& client) { return ListBy(ConnectAs(client, ca_)); }
  std::string List(const std::string& name) { return ListAs(ca_.Issue(name)); }

  std::string Create(v1::MigrationService::Stub& stub, const std::string& pod,
                     const std::string& certificate = "") {
    grpc::ClientContext context;
    if (!certificate.empty()) {
      context.AddMetadata("x-client-certificate", PercentEncoded(certificate));
    }
    v1::CreateMigrationRequest request;
    *request.add_workloads() = Pod(pod);
    v1::CreateMigrationResponse response;
    const grpc::Status status = stub.CreateMigration(&context, request, &response);
    migration_ = response.migration();
    return Answer(status);
  }

  // A TLS connection with HTTP/2, with a client certificate if `client` has one. Null if the
  // handshake fails.
  std::unique_ptr<BIO, decltype(&BIO_free_all)> Handshake(const Identity& client,
                                                          int version = TLS1_3_VERSION) {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls(SSL_CTX_new(TLS_client_method()),
                                                          SSL_CTX_free);
    SSL_CTX_set_max_proto_version(tls.get(), version);
    if (!client.certificate.empty()) {
      tree_.Write("client.crt", client.certificate);
      tree_.Write("client.key", client.key);
      SSL_CTX_use_certificate_chain_file(tls.get(), tree_.Path("client.crt").c_str());
      SSL_CTX_use_PrivateKey_file(tls.get(), tree_.Path("client.key").c_str(), SSL_FILETYPE_PEM);
    }
    std::unique_ptr<BIO, decltype(&BIO_free_all)> link(BIO_new_ssl_connect(tls.get()),
                                                       BIO_free_all);
    BIO_set_conn_hostname(link.get(), options_.address.c_str());
    SSL* ssl = nullptr;
    BIO_get_ssl(link.get(), &ssl);
    constexpr unsigned char kHttp2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl, kHttp2, sizeof(kHttp2));
    const bool done = BIO_do_handshake(link.get()) == 1;
    ERR_clear_error();
    if (!done) link.reset();
    return link;
  }

  // Sends 1 MiB of one header over CONTINUATION frames. Returns the error with which nginx then
  // ends the connection (RFC 9113, section 7); nullopt if it does not.
  std::optional<int> SendLongHeader(const Identity& client) {
    const auto link = Handshake(client);
    if (link == nullptr) return std::nullopt;
    std::string request = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    request += std::string("\0\0\0\4\0\0\0\0\0", 9);  // SETTINGS
    // HEADERS without END_HEADERS: a literal header whose name is "a" and whose value has 2 MiB.
    request += std::string("\0\0\7\1\0\0\0\0\1", 9);
    request += std::string("\0\1a\x7f\xff\xff\x7f", 7);
    for (int i = 0; i < 64; ++i) {
      request += std::string("\0\x40\0\x09\0\0\0\0\1", 9);  // CONTINUATION of 16 KiB
      request += std::string(16384, 'x');
    }
    BIO_write(link.get(), request.data(), static_cast<int>(request.size()));
    std::string answer;
    char part[1024];
    int size = 0;
    while ((size = BIO_read(link.get(), part, sizeof(part))) > 0) {
      answer.append(part, static_cast<size_t>(size));
    }
    ERR_clear_error();
    return GoAwayIn(answer);
  }

  // The error of the frame GOAWAY among `frames`.
  static std::optional<int> GoAwayIn(absl::string_view frames) {
    constexpr size_t kHeader = 9;
    constexpr size_t kError = kHeader + 7;  // its last byte: the error is below 256
    while (frames.size() > kHeader) {
      const auto byte = [&](size_t at) { return static_cast<unsigned char>(frames[at]); };
      const size_t size = kHeader + (byte(0) << 16 | byte(1) << 8 | byte(2));
      if (byte(3) == 7 && frames.size() > kError) return byte(kError);
      frames.remove_prefix(std::min(size, frames.size()));
    }
    return std::nullopt;
  }

  const int port_ = FreePort();
  FrontOptions options_;
  std::unique_ptr<Supervisor> supervisor_;
  v1::Migration migration_;
};

// The record of a migration, as a stream that stays open while it waits.
struct Watch {
  Watch(v1::MigrationService::Stub& stub, const std::string& id) {
    v1::WatchMigrationRequest request;
    request.set_id(id);
    reader = stub.WatchMigration(&context, request);
  }
  bool Read() {
    v1::WatchMigrationResponse response;
    return reader->Read(&response);
  }
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::WatchMigrationResponse>> reader;
};

TEST_F(FrontTest, AClientIsItsCertificate) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const Stub stub = StubOf(ca_.Issue(kMigrator));
  EXPECT_EQ(Create(*stub, kShopPod), "OK");
  EXPECT_EQ(migration_.created_by(), kMigrator);
  Watch watch(*stub, migration_.id());
  EXPECT_TRUE(watch.Read()) << "streams too";
}

TEST_F(FrontTest, ARoleIsNeededAndTheDetailsSayWhich) {
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(Create(*StubOf(ca_.Issue(kMigrator)), kBankPod), "PERMISSION_DENIED migrator bank");
  const Identity viewer = ca_.Issue("spiffe://cluster/viewer");
  EXPECT_EQ(Create(*StubOf(viewer), kShopPod), "PERMISSION_DENIED migrator shop");
  EXPECT_EQ(List("spiffe://cluster/wrong"), "PERMISSION_DENIED viewer ");
  EXPECT_EQ(Create(*StubOf(viewer), kShopPod, ca_.Issue("spiffe://cluster/admin").certificate),
            "PERMISSION_DENIED migrator shop")
      << "the client's own header does not count";
}

TEST_F(FrontTest, OthersAreRefused) {
  const Identity revoked = ca_.Issue(kMigrator);
  WriteFiles("2", ca_.Issue(kName), ca_.certificate(), ca_.RevocationList({revoked}));
  ASSERT_NO_FATAL_FAILURE(Start());
  const TestCa other("other");
  EXPECT_EQ(ListBy(Connect(grpc::SslCredentials({ca_.certificate(), "", ""}))), "UNAUTHENTICATED")
      << "without a certificate";
  EXPECT_EQ(ListAs(other.Issue(kMigrator)), "UNAUTHENTICATED") << "of another CA";
  EXPECT_EQ(ListAs(ca_.IssueFor("c", absl::StrCat("URI:", kMigrator), -absl::Hours(1))),
            "UNAUTHENTICATED")
      << "expired";
  EXPECT_EQ(ListAs(revoked), "UNAUTHENTICATED");
  EXPECT_EQ(ListBy(Connect(grpc::InsecureChannelCredentials())), "UNAVAILABLE") << "in plaintext";
  testing::internal::CaptureStdout();  // where the default logger of a test writes
  Step();
  EXPECT_THAT(
      testing::internal::GetCapturedStdout(),
      AllOf(HasSubstr("client sent no required SSL certificate"),
            HasSubstr("certificate verify error: (21:unable to verify the first certificate"),
            HasSubstr("(10:certificate has expired)"), HasSubstr("(23:certificate revoked)"),
            HasSubstr("client: 127.0.0.1"), Not(HasSubstr("[notice]"))));
  EXPECT_EQ(Handshake(ca_.Issue(kMigrator), TLS1_2_VERSION), nullptr);
  EXPECT_EQ(List(kMigrator), "OK");
}

TEST_F(FrontTest, AFloodOfConnectionsLeavesNothingBehind) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const auto before = CountOpenFiles();
  {
    std::vector<ScopedFd> flood;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 400; ++i) {
      flood.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(connect(flood.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)),
                0);
    }
    EXPECT_EQ(List(kMigrator), "OK") << "during the flood";
    std::vector<std::unique_ptr<BIO, decltype(&BIO_free_all)>> authenticated;
    for (int i = 0; i < 50; ++i) authenticated.push_back(Handshake(ca_.Issue(kMigrator)));
    EXPECT_EQ(List(kMigrator), "OK");
  }
  EXPECT_EQ(List(kMigrator), "OK") << "after it";
  EXPECT_TRUE(WaitUntil([&] { return CountOpenFiles() <= before; }));
}

TEST_F(FrontTest, ALongHeaderEndsItsConnection) {
  constexpr int kEnhanceYourCalm = 0xb;
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(SendLongHeader({}), kEnhanceYourCalm) << "before the client is known";
  EXPECT_EQ(SendLongHeader(ca_.Issue(kMigrator)), kEnhanceYourCalm);
  EXPECT_EQ(List(kMigrator), "OK");
}

TEST_F(FrontTest, TheFrontsConnectionsToTheAgentAreLimited) {
  options_.connections = 64;
  options_.calls_per_client = options_.calls_per_address = 1000;
  ASSERT_NO_FATAL_FAILURE(Start());
  const Stub stub = StubOf(ca_.Issue(kMigrator));
  ASSERT_EQ(Create(*stub, kShopPod), "OK");
  const auto before = CountOpenFiles();
  {
    std::vector<std::unique_ptr<Watch>> watches;
    for (int i = 0; i < 120; ++i) {
      watches.push_back(std::make_unique<Watch>(*stub, migration_.id()));
    }
    const auto refused = std::count_if(watches.begin(), watches.end(),
                                       [](const auto& watch) { return !watch->Read(); });
    EXPECT_GT(refused, 0);
    EXPECT_LE(CountOpenFiles() - before, 64);
    for (const auto& watch : watches) watch->context.TryCancel();
  }
  EXPECT_TRUE(WaitUntil([&] { return List(kMigrator) == "OK"; }));
  EXPECT_TRUE(WaitUntil([&] { return CountOpenFiles() <= before; }));
}

TEST_F(FrontTest, AThousandWatchesTakeNoThreads) {
  ASSERT_TRUE(RaiseOpenFileLimit().ok());
  options_.connections = 4096;
  options_.calls_per_client = options_.calls_per_address = 2000;
  ASSERT_NO_FATAL_FAILURE(Start());
  std::vector<Stub> stubs;  // nginx takes up to 128 calls of a connection at the same time
  for (int i = 0; i < 10; ++i) stubs.push_back(StubOf(ca_.Issue(kMigrator)));
  ASSERT_EQ(Create(*stubs[0], kShopPod), "OK");
  std::vector<std::unique_ptr<Watch>> watches;
  const auto watch_until_there_are = [&](size_t count) {
    const size_t earlier = watches.size();
    while (watches.size() < count) {
      const Stub& stub = stubs[watches.size() % stubs.size()];
      watches.push_back(std::make_unique<Watch>(*stub, migration_.id()));
    }
    for (size_t i = earlier; i < count; ++i) ASSERT_TRUE(watches[i]->Read()) << i;
  };
  ASSERT_NO_FATAL_FAILURE(watch_until_there_are(20));
  const ptrdiff_t threads = CountThreads();
  ASSERT_NO_FATAL_FAILURE(watch_until_there_are(1000));
  EXPECT_LT(CountThreads(), threads + 10);
  EXPECT_EQ(List(kMigrator), "OK") << "others are served";
  for (const auto& watch : watches) watch->context.TryCancel();
}

TEST_F(FrontTest, OneClientCannotTakeThePlaceOfOthers) {
  options_.calls_per_client = 2;
  ASSERT_NO_FATAL_FAILURE(Start());
  const Identity client = ca_.Issue(kMigrator);
  const Stub stub = StubOf(client);
  ASSERT_EQ(Create(*stub, kShopPod), "OK");
  Watch first(*stub, migration_.id());
  Watch second(*stub, migration_.id());
  ASSERT_TRUE(first.Read());
  ASSERT_TRUE(second.Read());
  EXPECT_EQ(ListAs(client), "UNAVAILABLE");
  EXPECT_EQ(List(kMigrator), "OK") << "by another certificate";
}

TEST_F(FrontTest, TheCallsOfOneAddressAreLimited) {
  options_.calls_per_address = 2;
  ASSERT_NO_FATAL_FAILURE(Start());
  const Stub stub = StubOf(ca_.Issue(kMigrator));
  ASSERT_EQ(Create(*stub, kShopPod), "OK");
  Watch first(*stub, migration_.id());
  Watch second(*stub, migration_.id());
  ASSERT_TRUE(first.Read());
  ASSERT_TRUE(second.Read());
  EXPECT_EQ(List(kMigrator), "UNAVAILABLE") << "by another certificate";
}

TEST_F(FrontTest, TheRateOfAClientIsLimited) {
  options_.calls_per_second = 1;  // and one more at once
  ASSERT_NO_FATAL_FAILURE(Start());
  const auto channel = ConnectAs(ca_.Issue(kMigrator), ca_);
  EXPECT_TRUE(WaitUntil([&] { return ListBy(channel) == "UNAVAILABLE"; }));
  EXPECT_EQ(List(kMigrator), "OK") << "by another certificate";
}

TEST_F(FrontTest, ANewCertificateAndANewCaAreLoaded) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const TestCa next("next");
  WriteFiles("2", next.Issue(kName), next.certificate(), next.RevocationList({}));
  const Identity client = next.Issue(kMigrator);
  ASSERT_NO_FATAL_FAILURE(Step());
  EXPECT_EQ(supervisor_->load_count(), 2);
  EXPECT_TRUE(WaitUntil([&] { return ListBy(ConnectAs(client, next)) == "OK"; }));
  // The worker that is being replaced may accept one more connection.
  EXPECT_TRUE(WaitUntil([&] {
    return ListBy(ConnectAs(ca_.Issue(kMigrator), next)) == "UNAUTHENTICATED";
  })) << "the old CA counts no more";
  ASSERT_NO_FATAL_FAILURE(Step());
  EXPECT_EQ(supervisor_->load_count(), 2) << "nothing has changed";
}

TEST_F(FrontTest, NoCallIsLostWhileCertificatesAreReplaced) {
  options_.shutdown_seconds = 20;
  ASSERT_NO_FATAL_FAILURE(Start());
  const auto channel = ConnectAs(ca_.Issue(kMigrator), ca_);
  std::atomic<bool> done = false;
  std::vector<std::string> failed;
  int calls = 0;
  std::thread client([&] {
    while (!done) {
      ++calls;
      if (const std::string answer = ListBy(channel); answer != "OK") failed.push_back(answer);
    }
  });
  for (int version = 2; version < 7; ++version) {
    WriteFiles(absl::StrCat(version), ca_.Issue(kName), ca_.certificate(), ca_.RevocationList({}));
    Step();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(List(kMigrator), "OK") << "on a new connection";
  }
  done = true;
  client.join();
  EXPECT_THAT(failed, IsEmpty()) << "of " << calls << " calls";
  EXPECT_EQ(supervisor_->load_count(), 6);
}

TEST_F(FrontTest, ARevokedClientLosesItsConnection) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const Identity client = ca_.Issue(kMigrator);
  const Stub stub = StubOf(client);
  ASSERT_EQ(Create(*stub, kShopPod), "OK");
  Watch watch(*stub, migration_.id());
  ASSERT_TRUE(watch.Read());
  WriteFiles("2", ca_.Issue(kName), ca_.certificate(), ca_.RevocationList({client}));
  ASSERT_NO_FATAL_FAILURE(Step());
  EXPECT_FALSE(watch.Read()) << "ends after shutdown_seconds";
  EXPECT_EQ(watch.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(WaitUntil([&] { return ListAs(client) == "UNAUTHENTICATED"; }));
  EXPECT_EQ(List(kMigrator), "OK");
}

TEST_F(FrontTest, WrongFilesChangeNothingAndAreNamed) {
  ASSERT_NO_FATAL_FAILURE(Start());
  const Identity server = ca_.Issue(kName);
  const auto complaint = [this] {
    testing::internal::CaptureStdout();  // where the default logger of a test writes
    Step();
    return testing::internal::GetCapturedStdout();
  };
  WriteFiles("2", {server.certificate, ca_.Issue("x").key}, ca_.certificate(), "");
  EXPECT_THAT(complaint(), HasSubstr("those loaded before stay in use: " + tree_.Path("tls.key") +
                                     " is not the private key of the certificate; replace"));
  EXPECT_EQ(complaint(), "") << "once";
  WriteFiles("3", {"x", server.key}, ca_.certificate(), "");
  EXPECT_THAT(complaint(), HasSubstr("tls.crt contains no certificate"));
  WriteFiles("4", server, "x", "");
  EXPECT_THAT(complaint(), HasSubstr("ca.crt contains no certificate"));
  WriteFiles("5", server, ca_.certificate(), "x");
  EXPECT_THAT(complaint(), HasSubstr("nginx refuses them: "));
  tree_.Remove("5/tls.key");
  EXPECT_THAT(complaint(), HasSubstr("tls.key: No such file or directory"));
  EXPECT_EQ(List(kMigrator), "OK");
  EXPECT_EQ(supervisor_->load_count(), 1);
}

TEST_F(FrontTest, ServesOnceTheFilesAreRight) {
  WriteFiles("2", {"x", "x"}, "", "");
  supervisor_ = std::make_unique<Supervisor>(options_, Clock::System());
  ASSERT_NO_FATAL_FAILURE(Step());
  EXPECT_FALSE(supervisor_->is_running());
  WriteFiles("3", ca_.Issue(kName), ca_.certificate(), ca_.RevocationList({}));
  ASSERT_NO_FATAL_FAILURE(Step());
  EXPECT_TRUE(WaitUntil([this] { return List(kMigrator) == "OK"; }));
}

TEST_F(FrontTest, AnEndOfNginxIsAnError) {
  const auto taken = ListenTcp({"127.0.0.1", false, port_});
  supervisor_ = std::make_unique<Supervisor>(options_, Clock::System());
  absl::Status status;
  EXPECT_TRUE(WaitUntil([&] { return !(status = supervisor_->Tick()).ok(); }));
  EXPECT_THAT(std::string(status.message()),
              StartsWith("nginx has ended by itself, with exit code"));
}

TEST_F(FrontTest, AnAgentThatIsAbsentIsUnavailable) {
  ASSERT_NO_FATAL_FAILURE(Start());
  front_->Shutdown(absl::ZeroDuration());
  EXPECT_EQ(List(kMigrator), "UNAVAILABLE");
}

TEST_F(FrontTest, FilesThatNginxCouldNotLoadAreTriedAgain) {
  const std::string trouble = tree_.Path("trouble");
  tree_.Write("trouble", "");
  tree_.Write("nginx",
              absl::StrCat("#!/bin/sh\n[ ! -e ", trouble, " ] && exec /usr/sbin/nginx \"$@\"\n"));
  options_.nginx = tree_.Path("nginx");
  std::filesystem::permissions(options_.nginx, std::filesystem::perms::owner_all);
  const FakeClock clock;
  Supervisor supervisor(options_, clock);
  ASSERT_TRUE(supervisor.Tick().ok());
  std::filesystem::remove(trouble);
  EXPECT_TRUE(supervisor.Tick().ok());
  EXPECT_FALSE(supervisor.is_running()) << "not at once";
  clock.Advance(Supervisor::kRetry);
  EXPECT_TRUE(supervisor.Tick().ok() && supervisor.is_running());
}

}  // namespace
}  // namespace numalocality::front_test
