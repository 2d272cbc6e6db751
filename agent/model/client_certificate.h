// A client's X.509 certificate, which the front passes on.
#ifndef NUMALOCALITY_AGENT_MODEL_CLIENT_CERTIFICATE_H_
#define NUMALOCALITY_AGENT_MODEL_CLIENT_CERTIFICATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace numalocality {

// The longest header that is decoded. A certificate has 1 to 4 KiB.
inline constexpr size_t kMaxCertificateHeader = size_t{16} << 10;

struct ClientCertificate {
  // Its URI SAN (a SPIFFE ID), else its first DNS SAN, else its common name. A URI contains "://",
  // the others no ':', so that neither can be taken for one of the others, or for a user's
  // ("uid:0").
  std::string identity;
  absl::Time end;  // of its validity (notAfter)
};

// `header`: one certificate in PEM, percent-encoded, whose signature has been verified.
// INVALID_ARGUMENT for any other text, more than one URI or common name, and names that are not
// printable ASCII. Does not compare with the time now.
absl::StatusOr<ClientCertificate> ClientCertificateFrom(absl::string_view header);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CLIENT_CERTIFICATE_H_
