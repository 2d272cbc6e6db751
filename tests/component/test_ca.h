// A certificate authority for tests.
#ifndef NUMALOCALITY_TESTS_COMPONENT_TEST_CA_H_
#define NUMALOCALITY_TESTS_COMPONENT_TEST_CA_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace numalocality {

// Both in PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

// As nginx does it: $ssl_client_escaped_cert.
std::string PercentEncoded(const std::string& text);

// Whatever fails ends the test program.
class TestCa {
 public:
  explicit TestCa(const std::string& name);

  // Its own certificate, in PEM.
  std::string certificate() const;

  // For servers and clients alike; `name` is its common name, and its URI if it contains "://",
  // else its DNS name. Ends `lifetime` from now, which may be negative.
  Identity Issue(const std::string& name, absl::Duration lifetime = absl::Hours(1)) const;

  // With these subject alternative names, such as "URI:spiffe://a,DNS:b"; "": none.
  Identity IssueFor(const std::string& common_name, const std::string& alternatives,
                    absl::Duration lifetime = absl::Hours(1)) const;

  // A list of the revoked certificates, in PEM, valid for an hour.
  std::string RevocationList(const std::vector<Identity>& revoked) const;

 private:
  std::string name_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_TEST_CA_H_
