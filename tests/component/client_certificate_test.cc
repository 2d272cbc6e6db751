// What the agent reads in a client's certificate.
#include "agent/model/client_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/model/tls_certificate.h"
#include "tests/component/test_ca.h"

namespace numalocality::client_certificate_test {
namespace {

using ::testing::HasSubstr;

std::string IdentityIn(const std::string& header) {
  const auto certificate = ClientCertificateFrom(header);
  return certificate.ok() ? certificate->identity
                          : absl::StrCat("refused: ", certificate.status().message());
}

class ClientCertificateTest : public testing::Test {
 protected:
  std::string Of(const std::string& common_name, const std::string& alternatives) {
    return IdentityIn(PercentEncoded(ca_.IssueFor(common_name, alternatives).certificate));
  }

  const TestCa ca_{"cluster"};
};

TEST_F(ClientCertificateTest, IsItsUriElseItsFirstDnsNameElseItsCommonName) {
  EXPECT_EQ(Of("c", "DNS:a.shop,URI:spiffe://cluster/ns/shop,DNS:b"), "spiffe://cluster/ns/shop");
  EXPECT_EQ(Of("c", "IP:10.0.0.1,DNS:a.shop,DNS:b.shop"), "a.shop");
  EXPECT_EQ(Of("controller of shop", ""), "controller of shop");
  EXPECT_EQ(Of("c", "IP:10.0.0.1"), "c");
}

TEST_F(ClientCertificateTest, NoNameCanBeTakenForOneOfAnotherKind) {
  EXPECT_THAT(Of("spiffe://cluster/admin", ""), HasSubstr("refused: "));
  EXPECT_THAT(Of("uid:0", ""), HasSubstr("refused: "));
  EXPECT_THAT(Of("c", "DNS:uid:0"), HasSubstr("refused: "));
  EXPECT_THAT(Of("c", "URI:uid:0"), HasSubstr("refused: "));
  EXPECT_THAT(Of("c", "URI:spiffe://a,URI:spiffe://b"), HasSubstr("must have one URI"));
  EXPECT_THAT(Of("a\nb", ""), HasSubstr("printable"));
}

TEST_F(ClientCertificateTest, HasAnEnd) {
  const std::string pem = ca_.Issue("shop", absl::Hours(5)).certificate;
  const auto certificate = ClientCertificateFrom(PercentEncoded(pem));
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->end, *FirstExpiry(pem));
}

TEST_F(ClientCertificateTest, OtherTextIsRefused) {
  const std::string header = PercentEncoded(ca_.Issue("shop").certificate);
  EXPECT_EQ(IdentityIn(header), "shop");
  for (const std::string& wrong :
       {std::string(), std::string("x"), header.substr(0, header.size() / 2), header + "%",
        header + "%4", header + "%zz", PercentEncoded(ca_.Issue("shop").key)}) {
    EXPECT_THAT(IdentityIn(wrong), HasSubstr("refused: ")) << wrong;
  }
}

TEST_F(ClientCertificateTest, ALongHeaderIsNotDecoded) {
  const std::string header = PercentEncoded(ca_.Issue("shop").certificate);
  EXPECT_EQ(IdentityIn(header + std::string(kMaxCertificateHeader - header.size(), 'x')), "shop");
  EXPECT_THAT(IdentityIn(header + std::string(kMaxCertificateHeader, 'x')),
              HasSubstr("is larger than 16384 bytes"));
}

}  // namespace
}  // namespace numalocality::client_certificate_test
