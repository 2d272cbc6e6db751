// The page frame of zeros.
#ifndef NUMALOCALITY_AGENT_OS_ZERO_FRAME_H_
#define NUMALOCALITY_AGENT_OS_ZERO_FRAME_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace numalocality {

// See KernelCalls::ZeroFrame.
absl::StatusOr<uint64_t> FindZeroFrame();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ZERO_FRAME_H_
