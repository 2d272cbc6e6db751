// The process that numa-migrate works on, with the machine's topology and a scanner.
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

// "process not found" if `process` exited and `status` is the resulting error; else `status`.
absl::Status OrGone(const absl::Status& status, const ProcessHandle& process);

// Opens the process and checks that its memory can be read. NOT_FOUND if there is no such process,
// INVALID_ARGUMENT for kernel threads and if /proc shows another PID namespace, PERMISSION_DENIED.
absl::StatusOr<Subject> OpenSubject(const EngineContext& context, pid_t pid);

// PageScanner::Scan, which an end signal stops: CANCELLED.
absl::Status ScanUntilSignal(const PageScanner& scanner, const ProcessHandle& process,
                             absl::Span<const AddressRange> ranges, KindSet kinds,
                             WindowVisitor visit);

// The process's resident pages of `kinds` in `ranges` by node. Pages whose node the kernel does not
// report are not counted. Errors as ScanUntilSignal.
absl::StatusOr<std::map<NodeId, int64_t>> CountByNode(const Subject& subject,
                                                      absl::Span<const AddressRange> ranges,
                                                      KindSet kinds);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_SUBJECT_H_
