#include "agent/model/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

#include "absl/status/status.h"

namespace numalocality {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio Read(absl::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

// Nobody is there to be asked for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<Certificate> ParseCertificate(absl::string_view pem) {
  Certificate certificate(PEM_read_bio_X509(Read(pem).get(), nullptr, NoPassphrase, nullptr),
                          X509_free);
  ERR_clear_error();
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(
        "has no certificate in it (PEM, -----BEGIN CERTIFICATE-----)");
  }
  return certificate;
}

}  // namespace

absl::StatusOr<absl::Time> CertificateExpiry(absl::string_view pem) {
  const auto certificate = ParseCertificate(pem);
  if (!certificate.ok()) return certificate.status();
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate->get()), &end) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("has a certificate whose end is not a time");
  }
  return absl::FromTM(end, absl::UTCTimeZone());
}

absl::Status CheckPrivateKey(absl::string_view key_pem, absl::string_view certificate_pem) {
  const auto certificate = ParseCertificate(certificate_pem);
  if (!certificate.ok()) return certificate.status();
  const PrivateKey key(PEM_read_bio_PrivateKey(Read(key_pem).get(), nullptr, NoPassphrase, nullptr),
                       EVP_PKEY_free);
  const bool matches = key != nullptr && X509_check_private_key(certificate->get(), key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "has no private key in it (PEM, -----BEGIN PRIVATE KEY-----, without a passphrase)");
  }
  if (!matches) return absl::InvalidArgumentError("is not the key of that certificate");
  return absl::OkStatus();
}

}  // namespace numalocality
