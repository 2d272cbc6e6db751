// Sizes as people write and read them: 512M, 1Gi, 64KiB.
#ifndef NUMALOCALITY_AGENT_BASE_UNITS_H_
#define NUMALOCALITY_AGENT_BASE_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality {

// Bytes named by `text`: a whole number with an optional suffix K, M, G, T, each optionally
// followed by "i" or "iB" (all powers of 1024). INVALID_ARGUMENT for anything else, for 0 digits,
// a sign, or more than 2^63 - 1 bytes.
absl::StatusOr<int64_t> ParseBytes(absl::string_view text);

// "0 B", "4.0 KiB", "256.0 MiB".
std::string FormatBytes(int64_t bytes);

// The same of a change: "+4.0 KiB", "-256.0 MiB", "0 B".
std::string FormatBytesChange(int64_t bytes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_UNITS_H_
