#include "agent/cli/localityctl/words.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/util/time_util.h>

#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "agent/base/log.h"
#include "agent/model/configuration.h"
#include "agent/model/enum_table.h"
#include "agent/model/explanation.h"
#include "agent/model/id_set.h"
#include "agent/model/migration.h"
#include "agent/model/page_outcome.h"
#include "agent/model/page_span.h"
#include "agent/model/privileges.h"
#include "agent/model/repair.h"
#include "agent/model/workload.h"

namespace numalocality::localityctl {
namespace {

// The value's name without its enum's prefix: "NO_ROOM". "" for UNSPECIFIED, the number for a value
// of a newer agent.
template <typename Api>
std::string EnumName(Api value) {
  if (value == Api{}) return "";
  const auto& type = *google::protobuf::GetEnumDescriptor<Api>();
  const auto* const known = type.FindValueByNumber(value);
  if (known == nullptr) return absl::StrCat(static_cast<int>(value));
  const absl::string_view prefix =
      absl::StripSuffix(type.FindValueByNumber(0)->name(), "UNSPECIFIED");
  return std::string(absl::StripPrefix(known->name(), prefix));
}

// The value in the table of E, which has the API's names as keys.
template <typename E, typename Api>
std::optional<E> Known(Api value) {
  return FromKey<E>(absl::AsciiStrToLower(EnumName(value)));
}

// The words for the value in the table of E.
template <typename E, typename Api>
std::string EnumWords(Api value) {
  const std::optional<E> known = Known<E>(value);
  return known.has_value() ? std::string(WordsOf(*known)) : EnumName(value);
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

std::string StateWord(v1::MigrationState state) { return EnumName(state); }

bool HasEnded(v1::MigrationState state) {
  const std::optional<MigrationState> known = Known<MigrationState>(state);
  return known.has_value() && IsFinal(*known);
}

std::string ReasonWord(v1::MigrationReason reason) { return EnumName(reason); }

std::string SeverityWord(v1::FindingSeverity severity) { return EnumName(severity); }

std::string OutcomeWords(v1::PageOutcome outcome) { return EnumWords<PageOutcome>(outcome); }

std::string RemoteReasonWords(v1::RemoteReason reason) { return EnumWords<RemoteReason>(reason); }

std::string DecisionWords(const v1::RepairDecision& decision) {
  if (decision.verdict() == v1::REPAIR_VERDICT_UNSPECIFIED) return "";
  return absl::StrCat(EnumWords<RepairVerdict>(decision.verdict()), ": ",
                      EnumWords<RepairReason>(decision.reason()));
}

std::string ScanMethodWord(v1::ScanMethod method) { return EnumWords<ScanMethod>(method); }

std::string QosWord(v1::QosClass qos) { return EnumWords<QosClass>(qos); }

std::string SeccompWord(v1::SeccompMode mode) { return EnumWords<SeccompMode>(mode); }

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
  } else if (status.only_valid_sections()) {
    absl::StrAppend(&text, ", only sections that were valid when the agent started");
  } else {
    absl::StrAppend(&text, ", built-in defaults");
  }
  if (!status.error().empty()) {
    absl::StrAppend(&text, status.only_valid_sections() ? "; " : "; NOT in use, as ",
                    "it has an error: ", status.error());
  }
  return text;
}

std::string RunTimeWords(const v1::Migration& migration) {
  if (!migration.has_start_time() || !migration.has_end_time()) return "";
  return SecondsWords(migration.end_time() - migration.start_time());
}

}  // namespace numalocality::localityctl
