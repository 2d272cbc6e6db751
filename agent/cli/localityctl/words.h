// The words that people read: for the API's enums, then for workloads, memory and times. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_WORDS_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_WORDS_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "numalocality/v1/agent.pb.h"
#include "numalocality/v1/migration.pb.h"
#include "numalocality/v1/placement.pb.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality::localityctl {

// Enums, in the words of the model's tables (agent/model/enum_table.h). An unspecified value is "",
// and a value of a newer agent its number.

// "SUCCEEDED", "NO_ROOM", "WARNING": the API's name without the prefix.
std::string StateWord(v1::MigrationState state);
bool HasEnded(v1::MigrationState state);  // as the agent's IsFinal
std::string ReasonWord(v1::MigrationReason reason);
std::string SeverityWord(v1::FindingSeverity severity);

// "already there", "no memory on the target".
std::string OutcomeWords(v1::PageOutcome outcome);

// "repairable", "page cache".
std::string RemoteReasonWords(v1::RemoteReason reason);

// "wait: settling"; "" before the first decision.
std::string DecisionWords(const v1::RepairDecision& decision);

// "Guaranteed", "Burstable", "BestEffort", as in Kubernetes.
std::string QosWord(v1::QosClass qos);

// "frames", "presence", "query".
std::string ScanMethodWord(v1::ScanMethod method);

// "disabled", "strict", "filter".
std::string SeccompWord(v1::SeccompMode mode);

// Workloads.

// "pod <namespace>/<name> container <name>", with the UID and the first 12 characters of the id for
// names that are unknown; "process <pid>"; "cgroup <path>".
std::string WorkloadWords(const v1::Workload& workload);

// The parts of that: "<namespace>/<name>" or the UID, "" outside Kubernetes; and the container's
// name or short id, or the process or cgroup.
std::string PodWord(const v1::Workload& workload);
std::string ContainerWord(const v1::Workload& workload);

// The first 12 characters of a container id: what crictl prints and --container accepts.
std::string ShortId(const std::string& container_id);

// "0-3,8"; "" for no ids.
std::string IdList(const google::protobuf::RepeatedField<int32_t>& ids);

// Memory.

// The bytes that count for the local fraction.
int64_t AnonAndShmemBytes(const v1::NodeUsage& usage);

// Those bytes on all nodes; and those on nodes that are not home nodes, by process if the placement
// lists processes.
int64_t MemoryBytes(const v1::WorkloadPlacement& placement);
int64_t RemoteBytes(const v1::WorkloadPlacement& placement);

// The local fraction, "74.9%"; "" if there is none.
std::string LocalWords(const v1::WorkloadPlacement& placement);

// Times and the configuration.

// "2026-11-22T17:50:01Z".
std::string TimeWords(google::protobuf::Timestamp time);

// "1.24 s", "12.3 ms".
std::string SecondsWords(absl::Duration duration);
std::string SecondsWords(const google::protobuf::Duration& duration);

// The configuration file, when it was read, and the error if its current content is not in use:
// "/etc/x.yaml, read 2026-01-02T03:04:05Z". One line.
std::string ConfigurationWords(const v1::ConfigurationStatus& status);

// How long a migration ran; "" until it has ended.
std::string RunTimeWords(const v1::Migration& migration);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_WORDS_H_
