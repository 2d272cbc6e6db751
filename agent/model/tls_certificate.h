// Checks of X.509 certificates and private keys in PEM format.
#ifndef NUMALOCALITY_AGENT_MODEL_TLS_CERTIFICATE_H_
#define NUMALOCALITY_AGENT_MODEL_TLS_CERTIFICATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace numalocality {

// These functions return INVALID_ARGUMENT for text that is not a certificate or private key; the
// message continues a sentence that begins with the file's name. They do not compare with the time
// now.

// The earliest and the latest expiry of the certificates in `pem`. A chain is valid until its first
// certificate expires, a list of CAs until its last one does.
absl::StatusOr<absl::Time> FirstExpiry(absl::string_view pem);
absl::StatusOr<absl::Time> LastExpiry(absl::string_view pem);

// OK if `key_pem` is the private key of the first certificate in `certificate_pem`.
absl::Status CheckPrivateKey(absl::string_view key_pem, absl::string_view certificate_pem);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_TLS_CERTIFICATE_H_
