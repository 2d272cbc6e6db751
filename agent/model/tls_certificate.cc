#include "agent/model/tls_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio Read(absl::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

// OpenSSL would otherwise ask for a passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::Status NoCertificate() {
  return absl::InvalidArgumentError("contains no certificate (PEM, -----BEGIN CERTIFICATE-----)");
}

// The next one in `text`; null if there is none.
Certificate ReadCertificate(BIO* text) {
  Certificate certificate(PEM_read_bio_X509(text, nullptr, NoPassphrase, nullptr), X509_free);
  ERR_clear_error();
  return certificate;
}

absl::StatusOr<std::vector<absl::Time>> Expiries(absl::string_view pem) {
  std::vector<absl::Time> ends;
  const Bio text = Read(pem);
  while (const Certificate certificate = ReadCertificate(text.get())) {
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
      ERR_clear_error();
      return absl::InvalidArgumentError("contains a certificate with an invalid expiry time");
    }
    ends.push_back(absl::FromTM(end, absl::UTCTimeZone()));
  }
  if (ends.empty()) return NoCertificate();
  return ends;
}

}  // namespace

absl::StatusOr<absl::Time> FirstExpiry(absl::string_view pem) {
  NL_ASSIGN_OR_RETURN(const std::vector<absl::Time> ends, Expiries(pem));
  return *std::min_element(ends.begin(), ends.end());
}

absl::StatusOr<absl::Time> LastExpiry(absl::string_view pem) {
  NL_ASSIGN_OR_RETURN(const std::vector<absl::Time> ends, Expiries(pem));
  return *std::max_element(ends.begin(), ends.end());
}

absl::Status CheckPrivateKey(absl::string_view key_pem, absl::string_view certificate_pem) {
  const Certificate certificate = ReadCertificate(Read(certificate_pem).get());
  if (certificate == nullptr) return NoCertificate();
  const PrivateKey key(PEM_read_bio_PrivateKey(Read(key_pem).get(), nullptr, NoPassphrase, nullptr),
                       EVP_PKEY_free);
  const bool matches = key != nullptr && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "contains no private key (PEM, -----BEGIN PRIVATE KEY-----, without a passphrase)");
  }
  if (!matches) return absl::InvalidArgumentError("is not the private key of the certificate");
  return absl::OkStatus();
}

}  // namespace numalocality
