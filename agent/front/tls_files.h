// The front's certificates, private key and list of revoked certificates, as they are now.
#ifndef NUMALOCALITY_AGENT_FRONT_TLS_FILES_H_
#define NUMALOCALITY_AGENT_FRONT_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/front/front_options.h"

namespace numalocality {

// The contents of the files that FrontOptions names.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string client_ca;
  std::string revocations;
  bool operator==(const TlsFiles&) const = default;
};

// An error names the file, and what to do.
absl::StatusOr<TlsFiles> ReadTlsFiles(const FrontOptions& options);

// When the first certificate expires, which may be in the past. FAILED_PRECONDITION if a file does
// not contain what it should, or the key is not that of the certificate; names the file, and what
// to do. nginx checks the rest.
absl::StatusOr<absl::Time> CheckTlsFiles(const TlsFiles& files, const FrontOptions& options);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_FRONT_TLS_FILES_H_
