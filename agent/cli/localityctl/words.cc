#include "agent/cli/localityctl/words.h"

#include <google/protobuf/util/time_util.h>

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "agent/base/log.h"
#include "agent/model/id_set.h"

namespace numalocality::localityctl {
namespace {

// `name` without `prefix`; the number for a value that this program does not know.
std::string WithoutPrefix(const std::string& name, absl::string_view prefix, int value) {
  if (value == 0) return "";
  if (name.empty()) return absl::StrCat(value);
  return std::string(absl::StripPrefix(name, prefix));
}

// "NO_ROOM" as "no room".
std::string InWords(const std::string& name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

template <typename Placement>
int64_t BytesAwayFrom(const Placement& placement) {
  const std::set<int> homes(placement.home_node_ids().begin(), placement.home_node_ids().end());
  int64_t bytes = 0;
  for (const v1::NodeUsage& usage : placement.node_usages()) {
    if (!homes.empty() && !homes.contains(usage.node_id())) bytes += AnonAndShmemBytes(usage);
  }
  return bytes;
}

}  // namespace

std::string StateWord(v1::MigrationState state) {
  return WithoutPrefix(v1::MigrationState_Name(state), "MIGRATION_STATE_", state);
}

std::string ReasonWord(v1::MigrationReason reason) {
  return WithoutPrefix(v1::MigrationReason_Name(reason), "MIGRATION_REASON_", reason);
}

std::string OutcomeWord(v1::PageOutcome outcome) {
  return InWords(WithoutPrefix(v1::PageOutcome_Name(outcome), "PAGE_OUTCOME_", outcome));
}

std::string RemoteReasonWord(v1::RemoteReason reason) {
  return InWords(WithoutPrefix(v1::RemoteReason_Name(reason), "REMOTE_REASON_", reason));
}

std::string DecisionWords(const v1::RepairDecision& decision) {
  const auto verdict = decision.verdict();
  const auto reason = decision.reason();
  if (verdict == v1::REPAIR_VERDICT_UNSPECIFIED) return "";
  return absl::StrCat(
      InWords(WithoutPrefix(v1::RepairVerdict_Name(verdict), "REPAIR_VERDICT_", verdict)), ": ",
      InWords(WithoutPrefix(v1::RepairReason_Name(reason), "REPAIR_REASON_", reason)));
}

std::string ScanMethodWord(v1::ScanMethod method) {
  return absl::AsciiStrToLower(WithoutPrefix(v1::ScanMethod_Name(method), "SCAN_METHOD_", method));
}

std::string QosWord(v1::QosClass qos) {
  switch (qos) {
    case v1::QOS_CLASS_GUARANTEED: return "Guaranteed";
    case v1::QOS_CLASS_BURSTABLE: return "Burstable";
    case v1::QOS_CLASS_BEST_EFFORT: return "BestEffort";
    default: return "";
  }
}

std::string SharingRuleWord(v1::SharingRule rule) {
  return InWords(WithoutPrefix(v1::SharingRule_Name(rule), "SHARING_RULE_", rule));
}

std::string StickModeWord(v1::StickMode mode) {
  const std::string word = WithoutPrefix(v1::StickMode_Name(mode), "STICK_MODE_", mode);
  return absl::StrReplaceAll(absl::AsciiStrToLower(word), {{"_", "-"}});
}

absl::string_view SeccompWord(v1::SeccompMode mode) {
  switch (mode) {
    case v1::SECCOMP_MODE_DISABLED: return "no filter";
    case v1::SECCOMP_MODE_STRICT: return "strict";
    case v1::SECCOMP_MODE_FILTER: return "a filter";
    default: return "unknown";
  }
}

absl::string_view SeverityWord(v1::FindingSeverity severity) {
  switch (severity) {
    case v1::FINDING_SEVERITY_ERROR: return "ERROR";
    case v1::FINDING_SEVERITY_WARNING: return "WARNING";
    default: return "note";
  }
}

std::string PodWord(const v1::Workload& workload) {
  if (workload.pod_name().empty()) return workload.pod_uid();
  return LogSafe(absl::StrCat(workload.pod_namespace(), "/", workload.pod_name()));
}

std::string ContainerWord(const v1::Workload& workload) {
  if (workload.pid() != 0) return absl::StrCat("process ", workload.pid());
  if (workload.container_id().empty()) return LogSafe(workload.cgroup_path());
  if (!workload.container_name().empty()) return LogSafe(workload.container_name());
  return ShortId(workload.container_id());
}

std::string WorkloadWords(const v1::Workload& workload) {
  if (workload.pid() != 0) return ContainerWord(workload);
  if (workload.container_id().empty()) return absl::StrCat("cgroup ", ContainerWord(workload));
  return absl::StrCat("pod ", PodWord(workload), " container ", ContainerWord(workload));
}

std::string ShortId(const std::string& container_id) { return container_id.substr(0, 12); }

std::string IdList(const google::protobuf::RepeatedField<int32_t>& ids) {
  return FormatIdList(std::set<int>(ids.begin(), ids.end()));
}

int64_t AnonAndShmemBytes(const v1::NodeUsage& usage) {
  return usage.anon_bytes() + usage.shmem_bytes();
}

int64_t MemoryBytes(const v1::WorkloadPlacement& placement) {
  int64_t bytes = 0;
  for (const v1::NodeUsage& usage : placement.node_usages()) bytes += AnonAndShmemBytes(usage);
  return bytes;
}

int64_t RemoteBytes(const v1::WorkloadPlacement& placement) {
  if (placement.processes().empty()) return BytesAwayFrom(placement);
  int64_t bytes = 0;
  for (const v1::ProcessPlacement& process : placement.processes()) bytes += BytesAwayFrom(process);
  return bytes;
}

std::string LocalWords(const v1::WorkloadPlacement& placement) {
  if (!placement.has_local_fraction()) return "";
  return absl::StrFormat("%.1f%%", 100 * placement.local_fraction());
}

std::string TimeWords(google::protobuf::Timestamp time) {
  time.set_nanos(0);
  return google::protobuf::util::TimeUtil::ToString(time);
}

std::string SecondsWords(absl::Duration duration) {
  return duration < absl::Seconds(1)
             ? absl::StrFormat("%.1f ms", absl::ToDoubleMilliseconds(duration))
             : absl::StrFormat("%.2f s", absl::ToDoubleSeconds(duration));
}

std::string SecondsWords(const google::protobuf::Duration& duration) {
  using google::protobuf::util::TimeUtil;
  return SecondsWords(absl::Nanoseconds(TimeUtil::DurationToNanoseconds(duration)));
}

std::string ConfigurationWords(const v1::ConfigurationStatus& status) {
  std::string text = status.path().empty() ? "no file" : status.path();
  if (status.has_load_time()) {
    google::protobuf::Timestamp time = status.load_time();
    time.set_nanos(0);
    absl::StrAppend(&text, ", read ", google::protobuf::util::TimeUtil::ToString(time));
  } else {
    absl::StrAppend(&text, ", built-in defaults");
  }
  if (!status.error().empty()) {
    absl::StrAppend(&text, "; NOT in use, as it has an error: ", status.error());
  }
  return text;
}

std::string RunTimeWords(const v1::Migration& migration) {
  if (!migration.has_start_time() || !migration.has_end_time()) return "";
  return SecondsWords(migration.end_time() - migration.start_time());
}

}  // namespace numalocality::localityctl
