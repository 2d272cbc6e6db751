// X.509 certificates and their keys, as files have them (PEM).
#ifndef NUMALOCALITY_AGENT_MODEL_CERTIFICATE_H_
#define NUMALOCALITY_AGENT_MODEL_CERTIFICATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace numalocality {

// INVALID_ARGUMENT, with words that fit behind the name of the file, unless they are certificates
// or a private key. Neither looks at the clock.

// When the first of the certificates in `pem` ends, or the last: a chain holds as long as each of
// them does, a list of CAs as long as any.
absl::StatusOr<absl::Time> FirstExpiry(absl::string_view pem);
absl::StatusOr<absl::Time> LastExpiry(absl::string_view pem);

// Whether `key_pem` is the key of the first certificate in `certificate_pem`.
absl::Status CheckPrivateKey(absl::string_view key_pem, absl::string_view certificate_pem);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CERTIFICATE_H_
