// localityctl over the network: which agents it trusts, and its error messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/cli/localityctl/connection.h"
#include "tests/component/tls_client.h"
#include "tests/unit/cli/localityctl/fake_agent.h"

namespace numalocality::localityctl::network_client_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NetworkClientTest : public TlsClientTest {
 protected:
  NetworkClientTest() { agent_.agent_status.set_version("7.7"); }

  // The output of doctor for the agent at `endpoint`.
  std::string Refusal(const std::string& endpoint) {
    globals_.endpoint = endpoint;
    return std::string(Run(DoctorCommand, {"doctor"}).status().message());
  }

  FakeAgent agent_{"127.0.0.1", ServerCredentialsOf(ca_.Issue(kServerName), ca_)};
};

TEST_F(NetworkClientTest, ReadsOverMutualTls) {
  globals_.endpoint = agent_.endpoint();
  const auto exit_code = Run(DoctorCommand, {"doctor"});
  ASSERT_TRUE(exit_code.ok()) << exit_code.status();
  EXPECT_THAT(printed_, HasSubstr("version 7.7"));
}

TEST_F(NetworkClientTest, AnAgentOfAnotherNameIsRefused) {
  globals_.tls.server_name = "other.test";
  EXPECT_THAT(Refusal(agent_.endpoint()),
              HasSubstr("is for another name: give that name with --server-name"));
  globals_.tls.server_name = "";
  EXPECT_THAT(Refusal(agent_.endpoint()), HasSubstr("is for another name")) << "HOST counts";
}

TEST_F(NetworkClientTest, AnAgentOfAnotherCaOrThatHasEndedIsRefused) {
  const TestCa other("other");
  const FakeAgent foreign("127.0.0.1", ServerCredentialsOf(other.Issue(kServerName), ca_));
  EXPECT_THAT(Refusal(foreign.endpoint()), HasSubstr("its CA is not the one in --ca"));
  const FakeAgent ended("127.0.0.1",
                        ServerCredentialsOf(ca_.Issue(kServerName, -absl::Hours(1)), ca_));
  EXPECT_THAT(Refusal(ended.endpoint()), HasSubstr("the agent's certificate has expired"));
}

TEST_F(NetworkClientTest, WhoIsRefusedLearnsWhatToDo) {
  WriteFiles(TestCa("other").Issue("client"), ca_.certificate());
  EXPECT_THAT(Refusal(agent_.endpoint()),
              HasSubstr("check that the agent has a network API at this address"));
  WriteFiles(ca_.Issue("client"), ca_.certificate());
  const FakeAgent plaintext("127.0.0.1", grpc::InsecureServerCredentials());
  EXPECT_THAT(Refusal(plaintext.endpoint()), HasSubstr("cannot reach the agent at 127.0.0.1:"));
  EXPECT_THAT(Refusal("127.0.0.1:1"), HasSubstr("check that the agent's network API is on"));
}

TEST_F(NetworkClientTest, WhoseCertificateIsRefusedLearnsWhy) {
  agent_.status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "HTTP 401");
  EXPECT_THAT(Refusal(agent_.endpoint()),
              AllOf(HasSubstr("refuses the certificate in --cert: HTTP 401; check that it"),
                    HasSubstr("is not revoked")));
}

TEST_F(NetworkClientTest, FilesAreLookedAtFirst) {
  WriteFiles(ca_.Issue("client", -absl::Hours(1)), ca_.certificate());
  EXPECT_THAT(
      Refusal(agent_.endpoint()),
      AllOf(HasSubstr("tls.crt has a certificate that expired at 20"), HasSubstr("get a new")));
  EXPECT_TRUE(absl::IsUnauthenticated(Run(DoctorCommand, {"doctor"}).status()));
  WriteFiles({ca_.Issue("client").certificate, ca_.Issue("other").key}, ca_.certificate());
  EXPECT_THAT(Refusal(agent_.endpoint()),
              HasSubstr("tls.key is not the private key of the certificate"));
  WriteFiles(ca_.Issue("client"), "x");
  EXPECT_THAT(Refusal(agent_.endpoint()), HasSubstr("ca.crt contains no certificate"));
  tree_.Remove("ca.crt");
  EXPECT_THAT(Refusal(agent_.endpoint()), HasSubstr("ca.crt: No such file or directory"));
  globals_.tls.key = "";
  WriteFiles(ca_.Issue("client"), ca_.certificate());
  EXPECT_THAT(Refusal(agent_.endpoint()),
              HasSubstr("--key is missing: connections over the network use mutual TLS"));
}

TEST(EndpointTest, IsASocketOrAHostAndAPort) {
  for (const char* good :
       {"unix:/run/a.sock", "node-1:9463", "10.0.0.1:1", "[2001:db8::1]:65535"}) {
    EXPECT_EQ(*ParseEndpoint(good), good);
  }
  for (const char* bad : {"unix:", "node-1", ":9463", "node-1:0", "node-1:65536", "node-1:x",
                          "2001:db8::1:9463", "http://node-1:9463", "[]:1", ""}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseEndpoint(bad).status())) << bad;
  }
}

}  // namespace
}  // namespace numalocality::localityctl::network_client_test
