#include "agent/os/base/kernel_calls.h"

#include <bit>
#include <cstddef>

#include "agent/base/status.h"

namespace numalocality {

CpuSet ToCpuSet(const CpuMask& mask) {
  CpuSet cpus;
  for (size_t word = 0; word < mask.size(); ++word) {
    for (uint64_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      cpus.Insert(CpuId{static_cast<int>(word * 64) + std::countr_zero(bits)});
    }
  }
  return cpus;
}

absl::Status KernelCalls::ThreadCpuMask(pid_t tid, CpuMask& mask) {
  NL_ASSIGN_OR_RETURN(const CpuSet cpus, ThreadCpus(tid));
  mask.clear();
  for (const CpuId cpu : cpus) {
    const auto word = static_cast<size_t>(cpu.value) / 64;
    if (mask.size() <= word) mask.resize(word + 1);
    mask[word] |= uint64_t{1} << (cpu.value % 64);
  }
  return absl::OkStatus();
}

}  // namespace numalocality
