#include "agent/front/tls_files.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/model/tls_certificate.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

absl::StatusOr<std::string> ReadTlsFile(const std::string& path) {
  if (path.empty()) return "";
  auto text = ReadFile(path);
  if (text.ok()) return text;
  return WithContext(text.status(), "the network API needs this file");
}

absl::Status WrongContent(const std::string& path, const absl::Status& status) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, " ", status.message(), "; replace the file (in Kubernetes, the Secret)"));
}

}  // namespace

absl::StatusOr<TlsFiles> ReadTlsFiles(const FrontOptions& options) {
  TlsFiles files;
  NL_ASSIGN_OR_RETURN(files.certificate, ReadTlsFile(options.certificate));
  NL_ASSIGN_OR_RETURN(files.key, ReadTlsFile(options.key));
  NL_ASSIGN_OR_RETURN(files.client_ca, ReadTlsFile(options.client_ca));
  NL_ASSIGN_OR_RETURN(files.revocations, ReadTlsFile(options.revocations));
  return files;
}

absl::StatusOr<absl::Time> CheckTlsFiles(const TlsFiles& files, const FrontOptions& options) {
  const auto end = FirstExpiry(files.certificate);
  if (!end.ok()) return WrongContent(options.certificate, end.status());
  const absl::Status matches = CheckPrivateKey(files.key, files.certificate);
  if (!matches.ok()) return WrongContent(options.key, matches);
  const auto ca_end = LastExpiry(files.client_ca);
  if (!ca_end.ok()) return WrongContent(options.client_ca, ca_end.status());
  return std::min(*end, *ca_end);
}

}  // namespace numalocality
