// Sizes in the form that people write and read: 512M, 1Gi, 64KiB.
#ifndef NUMALOCALITY_AGENT_BASE_UNITS_H_
#define NUMALOCALITY_AGENT_BASE_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality {

// Parses a whole number of bytes with an optional suffix K, M, G or T, optionally followed by "i"
// or "iB" (all are powers of 1024). INVALID_ARGUMENT for anything else, such as a sign, no digits,
// or more than 2^63 - 1 bytes.
absl::StatusOr<int64_t> ParseBytes(absl::string_view text);

// The shortest text that ParseBytes reads as exactly `bytes`, which is not negative: "64Mi",
// "1000".
std::string ExactBytes(int64_t bytes);

// Returns a text such as "0 B", "4.0 KiB" or "256.0 MiB".
std::string FormatBytes(int64_t bytes);

// The same for a change: "+4.0 KiB", "-256.0 MiB", "0 B".
std::string FormatBytesChange(int64_t bytes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_UNITS_H_
