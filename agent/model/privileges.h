// Privileges: what the kernel permits a process (capabilities(7), seccomp(2), cpuset(7),
// pid_namespaces(7)).
#ifndef NUMALOCALITY_AGENT_MODEL_PRIVILEGES_H_
#define NUMALOCALITY_AGENT_MODEL_PRIVILEGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/model/enum_table.h"
#include "agent/model/id_set.h"

namespace numalocality {

// The capabilities that the agent uses, with the kernel's numbers (linux/capability.h).
enum class Capability {
  kDacOverride = 1,    // includes kDacReadSearch
  kDacReadSearch = 2,  // with kSysPtrace: pagemap of processes of other users
  kSysPtrace = 19,     // memory of processes of other users
  kSysAdmin = 21,      // page frame numbers
  kSysNice = 23,       // pages that several processes map
};

class CapabilitySet {
 public:
  CapabilitySet() = default;
  // One bit for each capability, as in /proc/PID/status.
  explicit CapabilitySet(uint64_t bits) : bits_(bits) {}

  bool Has(Capability capability) const { return (bits_ >> static_cast<int>(capability) & 1) != 0; }
  // Whether file modes are ignored: needed for /proc/PID/pagemap of processes of other users.
  bool ReadsAllFiles() const {
    return Has(Capability::kDacOverride) || Has(Capability::kDacReadSearch);
  }
  // "CAP_SYS_PTRACE", ..., in the kernel's order; "CAP_41" for one without a known name.
  std::vector<std::string> Names() const;

 private:
  uint64_t bits_ = 0;
};

// With the numbers of /proc/PID/status.
enum class SeccompMode { kDisabled, kStrict, kFilter };
const EnumTable<SeccompMode>& TableOf(SeccompMode);

struct Privileges {
  CapabilitySet effective;
  SeccompMode seccomp = SeccompMode::kDisabled;
  // cpuset: the nodes that the process may allocate on and move memory of other processes to.
  NodeSet allowed_nodes;
  bool in_host_pid_namespace = true;
  // The security module's label: AppArmor "unconfined" or "PROFILE (MODE)", SELinux
  // "USER:ROLE:TYPE:LEVEL"; "" if unknown.
  std::string security_label;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_PRIVILEGES_H_
