// The API's values in the words that people read. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_WORDS_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_WORDS_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "numalocality/v1/migration.pb.h"
#include "numalocality/v1/placement.pb.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality::localityctl {

// "SUCCEEDED", "NO_ROOM": as in the API without the prefix; "" for the unspecified value.
std::string StateWord(v1::MigrationState state);
std::string ReasonWord(v1::MigrationReason reason);

// Whether a migration in this state has ended.
bool IsFinal(v1::MigrationState state);

// "already there", "no memory".
std::string OutcomeWord(v1::PageOutcome outcome);

// "repairable", "page cache".
std::string RemoteReasonWord(v1::RemoteReason reason);

// "wait: settling"; "" if nothing has been decided.
std::string DecisionWords(const v1::RepairDecision& decision);

// "Guaranteed", "Burstable", "BestEffort", as Kubernetes writes it; "" outside Kubernetes.
std::string QosWord(v1::QosClass qos);

// "pod <namespace>/<name> container <name>", as far as these are known, else "pod <uid> container
// <first 12 of id>"; "process <pid>", "cgroup <path>".
std::string WorkloadWords(const v1::Workload& workload);

// The two parts of that: "<namespace>/<name>" or the UID, "" outside Kubernetes; the container's
// name or short id, or what stands in for it.
std::string PodWord(const v1::Workload& workload);
std::string ContainerWord(const v1::Workload& workload);

// The first 12 characters of a container id: as crictl prints it, and enough for --container.
std::string ShortId(const std::string& container_id);

// "0-3,8"; "" if there are none.
std::string IdList(const google::protobuf::RepeatedField<int32_t>& ids);

// What a placement's locality is judged by.
int64_t AnonAndShmemBytes(const v1::NodeUsage& usage);

// That of all nodes; and on other nodes than home, of each process if these have homes of their
// own.
int64_t MemoryBytes(const v1::WorkloadPlacement& placement);
int64_t RemoteBytes(const v1::WorkloadPlacement& placement);

// "74.9%"; "" if there is nothing to judge by.
std::string LocalWords(const v1::WorkloadPlacement& placement);

// "2026-11-22T17:50:01Z".
std::string TimeWords(google::protobuf::Timestamp time);

// "1.24 s", "12.3 ms".
std::string SecondsWords(absl::Duration duration);
std::string SecondsWords(const google::protobuf::Duration& duration);

// How long a migration has run; "" unless it has ended.
std::string RunTimeWords(const v1::Migration& migration);

// "frames", "presence", "query"; "" if it is not told.
std::string ScanMethodWord(v1::ScanMethod method);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_WORDS_H_
