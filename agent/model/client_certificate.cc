#include "agent/model/client_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/model/access.h"

namespace numalocality {
namespace {

// OpenSSL would otherwise ask for a passphrase on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

absl::StatusOr<std::string> PercentDecoded(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return absl::InvalidArgumentError("is not percent-encoded");
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

struct Names {
  std::vector<std::string> uris;
  std::vector<std::string> dns;
  std::vector<std::string> common;
};

std::string TextOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

absl::StatusOr<Names> NamesIn(const X509& certificate) {
  Names names;
  int found = -1;  // -1: none, -2: several, otherwise whether it is critical
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> alternatives(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(&certificate, NID_subject_alt_name, &found, nullptr)),
      GENERAL_NAMES_free);
  if (alternatives == nullptr && found != -1) {
    return absl::InvalidArgumentError("its subject alternative names cannot be read");
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    int type = 0;
    const void* const value =
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(alternatives.get(), i), &type);
    if (type == GEN_URI) names.uris.push_back(TextOf(static_cast<const ASN1_STRING*>(value)));
    if (type == GEN_DNS) names.dns.push_back(TextOf(static_cast<const ASN1_STRING*>(value)));
  }
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  int at = -1;
  while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
    names.common.push_back(TextOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }
  return names;
}

absl::StatusOr<std::string> IdentityOf(const X509& certificate) {
  NL_ASSIGN_OR_RETURN(const Names names, NamesIn(certificate));
  if (!names.uris.empty()) {
    const std::string& uri = names.uris.front();
    if (names.uris.size() == 1 && IsPrintableIdentity(uri) && absl::StrContains(uri, "://"))
      return uri;
    return absl::InvalidArgumentError(
        "must have one URI as its subject alternative name, such as spiffe://cluster/shop, or "
        "none");
  }
  const std::vector<std::string>& others = names.dns.empty() ? names.common : names.dns;
  if (names.dns.empty() && others.size() != 1) {
    return absl::InvalidArgumentError(
        "has no URI or DNS name as its subject alternative name, and not one common name");
  }
  const std::string& name = others.front();
  if (IsPrintableIdentity(name) && !absl::StrContains(name, ":")) return name;
  return absl::InvalidArgumentError("its name must be printable ASCII without ':'");
}

absl::StatusOr<ClientCertificate> Parse(const X509& certificate) {
  NL_ASSIGN_OR_RETURN(const std::string identity, IdentityOf(certificate));
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &end) != 1) {
    return absl::InvalidArgumentError("its end (notAfter) cannot be read");
  }
  return ClientCertificate{identity, absl::FromTM(end, absl::UTCTimeZone())};
}

}  // namespace

absl::StatusOr<ClientCertificate> ClientCertificateFrom(absl::string_view header) {
  if (header.size() > kMaxCertificateHeader) {
    return absl::InvalidArgumentError(
        absl::StrCat("is larger than ", kMaxCertificateHeader, " bytes"));
  }
  NL_ASSIGN_OR_RETURN(const std::string pem, PercentDecoded(header));
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(text.get(), nullptr, NoPassword, nullptr), X509_free);
  absl::StatusOr<ClientCertificate> parsed =
      absl::InvalidArgumentError("is not an X.509 certificate in PEM");
  if (certificate != nullptr) parsed = Parse(*certificate);
  ERR_clear_error();
  return parsed;
}

}  // namespace numalocality
