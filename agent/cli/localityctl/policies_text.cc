#include "agent/cli/localityctl/policies_text.h"

#include <google/protobuf/util/time_util.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

// As in the configuration file: "30s", "1m30s".
std::string TimeSpanWords(const google::protobuf::Duration& duration) {
  using google::protobuf::util::TimeUtil;
  return absl::FormatDuration(absl::Nanoseconds(TimeUtil::DurationToNanoseconds(duration)));
}

std::string BandwidthWords(int64_t bytes_per_second) {
  return bytes_per_second == 0 ? "no limit" : FormatBytes(bytes_per_second) + "/s";
}

std::string SelectorWords(const v1::Policy& policy) {
  std::vector<std::string> words;
  const auto add = [&words](absl::string_view what, const std::string& names) {
    if (!names.empty()) words.push_back(absl::StrCat(what, " ", names));
  };
  add("namespace", absl::StrJoin(policy.namespaces(), ","));
  const std::map<std::string, std::string> labels(policy.match_labels().begin(),
                                                  policy.match_labels().end());
  add("label", absl::StrJoin(labels, ",", absl::PairFormatter("=")));
  add("class", absl::StrJoin(policy.qos_classes(), ",", [](std::string* out, int qos) {
        out->append(QosWord(static_cast<v1::QosClass>(qos)));
      }));
  add("cgroup", absl::StrJoin(policy.cgroup_paths(), ","));
  return words.empty() ? "all pods" : absl::StrJoin(words, "; ");
}

}  // namespace

std::string PoliciesText(const v1::GetPoliciesResponse& policies) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"#", kRight},
               {"NAME"},
               {"ACTION"},
               {"REPAIR BELOW", kRight},
               {"IF REMOTE", kRight},
               {"SETTLE", kRight},
               {"COOLDOWN", kRight},
               {"BANDWIDTH", kRight},
               {"CALL TIME", kRight},
               {"SELECTS"}});
  for (int i = 0; i < policies.policies_size(); ++i) {
    const v1::Policy& policy = policies.policies(i);
    table.AddRow({absl::StrCat(i + 1), policy.name(), policy.repairs() ? "repair" : "observe",
                  absl::StrFormat("%g%%", 100 * policy.min_local_fraction()),
                  FormatBytes(policy.min_remote_bytes()), TimeSpanWords(policy.settle()),
                  TimeSpanWords(policy.cooldown()),
                  BandwidthWords(policy.limits().bandwidth_bytes_per_second()),
                  TimeSpanWords(policy.limits().max_call_time()), SelectorWords(policy)});
  }
  std::string text =
      policies.policies().empty() ? "No policies: nothing is repaired.\n" : table.ToString();
  absl::StrAppend(
      &text, "\nAll migrations together: ", BandwidthWords(policies.bandwidth_bytes_per_second()),
      ", ", policies.concurrent_migration_count(), " at a time, ",
      absl::StrFormat("%g%%", 100 * policies.node_reserve()), " of each node stays free\n",
      "Reports: every ", TimeSpanWords(policies.period()), "; local up to distance ",
      policies.local_distance(), "\nProtected namespaces: ",
      policies.protected_namespaces().empty() ? "none"
                                              : absl::StrJoin(policies.protected_namespaces(), " "),
      "\nConfiguration: ", ConfigurationWords(policies.configuration()), "\n");
  return text;
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
    absl::StrAppend(&text, "; NOT in force as it is now: ", status.error());
  }
  return text;
}

}  // namespace numalocality::localityctl
