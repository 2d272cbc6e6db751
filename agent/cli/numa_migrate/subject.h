// The process that a command is about, and the machine it is on.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_SUBJECT_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_SUBJECT_H_

#include <sys/types.h>

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/engine/context.h"
#include "agent/model/topology.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/process/process_handle.h"

namespace numalocality::numa_migrate {

struct Subject {
  ProcessHandle process;
  Topology topology;
  PageScanner scanner;
};

// "process not found".
absl::Status ProcessGone();

// That, if it is why `process` gave the error `status`; else `status` as it is.
absl::Status OrGone(const absl::Status& status, const ProcessHandle& process);

// The process, checked to be one whose memory can be looked at. NOT_FOUND if there is none,
// INVALID_ARGUMENT for kernel threads and where /proc shows another PID namespace,
// PERMISSION_DENIED.
absl::StatusOr<Subject> OpenSubject(const EngineContext& context, pid_t pid);

// PageScanner::Scan for as long as no EndSignal has come, which makes it CANCELLED.
absl::Status ScanUntilSignal(const PageScanner& scanner, const ProcessHandle& process,
                             absl::Span<const AddressRange> ranges, KindSet kinds,
                             WindowVisitor visit);

// The process's resident pages of `kinds` in `ranges` by node, without those that hide where they
// are. Errors as ScanUntilSignal.
absl::StatusOr<std::map<NodeId, int64_t>> CountByNode(const Subject& subject,
                                                      absl::Span<const AddressRange> ranges,
                                                      KindSet kinds);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_SUBJECT_H_
