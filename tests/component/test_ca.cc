#include "tests/component/test_ca.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace numalocality {
namespace {

void Check(bool ok) {
  if (ok) return;
  std::fputs("a test's certificate could not be made\n", stderr);
  std::abort();
}

template <typename Write>
std::string ToPem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  Check(write(out.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);  // NOLINT(google-runtime-int): its type
  return std::string(text, static_cast<size_t>(size));
}

std::string CertificatePem(X509* certificate) {
  return ToPem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  Check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void SetName(X509_NAME* name, const std::string& text) {
  Check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1,
                                   0) == 1);
}

// Neither signed nor extended yet.
X509* NewCertificate(const std::string& subject, const std::string& issuer, EVP_PKEY* key,
                     absl::Duration lifetime) {
  static int serial = 0;
  X509* const certificate = X509_new();
  Check(certificate != nullptr && X509_set_version(certificate, X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -absl::ToInt64Seconds(absl::Hours(24)));
  X509_gmtime_adj(X509_getm_notAfter(certificate), absl::ToInt64Seconds(lifetime));
  SetName(X509_get_subject_name(certificate), subject);
  SetName(X509_get_issuer_name(certificate), issuer);
  Check(X509_set_pubkey(certificate, key) == 1);
  return certificate;
}

}  // namespace

std::string PercentEncoded(const std::string& text) {
  std::string encoded;
  for (const unsigned char c : text) {
    const bool is_plain = absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
    absl::StrAppend(&encoded,
                    is_plain ? std::string(1, static_cast<char>(c)) : absl::StrFormat("%%%02X", c));
  }
  return encoded;
}

TestCa::TestCa(const std::string& name)
    : name_(name),
      key_(EVP_EC_gen("P-256"), EVP_PKEY_free),
      certificate_(NewCertificate(name, name, key_.get(), absl::Hours(1)), X509_free) {
  AddExtension(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  Check(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
}

std::string TestCa::certificate() const { return CertificatePem(certificate_.get()); }

Identity TestCa::Issue(const std::string& name, absl::Duration lifetime) const {
  const bool is_uri = name.find("://") != std::string::npos;
  return IssueFor(name, absl::StrCat(is_uri ? "URI:" : "DNS:", name), lifetime);
}

std::string TestCa::RevocationList(const std::vector<Identity>& revoked) const {
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), X509_CRL_free);
  Check(X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1);
  Check(X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get())) == 1);
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(ASN1_TIME_new(), ASN1_TIME_free);
  X509_gmtime_adj(time.get(), -absl::ToInt64Seconds(absl::Hours(1)));
  Check(X509_CRL_set1_lastUpdate(list.get(), time.get()) == 1);
  for (const Identity& each : revoked) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> text(
        BIO_new_mem_buf(each.certificate.data(), static_cast<int>(each.certificate.size())),
        BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), X509_free);
    X509_REVOKED* const entry = X509_REVOKED_new();
    Check(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.get())) == 1);
    Check(X509_REVOKED_set_revocationDate(entry, time.get()) == 1);
    Check(X509_CRL_add0_revoked(list.get(), entry) == 1);
  }
  X509_gmtime_adj(time.get(), absl::ToInt64Seconds(absl::Hours(1)));
  Check(X509_CRL_set1_nextUpdate(list.get(), time.get()) == 1);
  Check(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) > 0);
  return ToPem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}

Identity TestCa::IssueFor(const std::string& name, const std::string& alternatives,
                          absl::Duration lifetime) const {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      NewCertificate(name, name_, key.get(), lifetime), X509_free);
  if (!alternatives.empty()) {
    AddExtension(certificate.get(), NID_subject_alt_name, alternatives);
  }
  Check(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
  return {CertificatePem(certificate.get()), ToPem([&](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace numalocality
