#include "agent/cli/localityctl/policies_command.h"

#include <google/protobuf/util/time_util.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

// In the notation of the configuration file: "30s", "1m30s".
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

// "2% of each node's memory is kept free, 4.0 GiB of node 1's".
std::string ReserveWords(const v1::GetPoliciesResponse& policies) {
  const auto share = [](double fraction, int64_t bytes) {
    return bytes > 0 ? FormatBytes(bytes) : absl::StrFormat("%g%%", 100 * fraction);
  };
  std::string words = absl::StrCat(share(policies.node_reserve(), policies.node_reserve_bytes()),
                                   " of each node's memory is kept free");
  for (const v1::NodeReserve& node : policies.node_reserves()) {
    absl::StrAppend(&words, ", ", share(node.fraction(), node.bytes()), " of node ", node.node_id(),
                    "'s");
  }
  return words;
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
               {"SHARED"},
               {"PAGE CACHE"},
               {"STICK"},
               {"BY ANNOTATION"},
               {"SELECTS"}});
  for (int i = 0; i < policies.policies_size(); ++i) {
    const v1::Policy& policy = policies.policies(i);
    table.AddRow({absl::StrCat(i + 1), policy.name(), policy.repairs() ? "repair" : "observe",
                  absl::StrFormat("%g%%", 100 * policy.min_local_fraction()),
                  FormatBytes(policy.min_remote_bytes()), TimeSpanWords(policy.settle()),
                  TimeSpanWords(policy.cooldown()),
                  BandwidthWords(policy.limits().bandwidth_bytes_per_second()),
                  TimeSpanWords(policy.limits().max_call_time()),
                  SharingRuleWord(policy.shared_pages()), policy.page_cache() ? "yes" : "no",
                  StickModeWord(policy.stick()), AnnotationRuleWord(policy.by_annotation()),
                  SelectorWords(policy)});
  }
  std::string text =
      policies.policies().empty() ? "No policies: the agent repairs nothing.\n" : table.ToString();
  absl::StrAppend(
      &text, "\nAll migrations: ", BandwidthWords(policies.bandwidth_bytes_per_second()), ", ",
      policies.concurrent_migration_count(), " at a time, ", ReserveWords(policies), "\n",
      policies.reclaim_cache() == 0
          ? "Page cache does not count as room"
          : absl::StrFormat("%g%% of a node's clean inactive page cache counts as room",
                            100 * policies.reclaim_cache()),
      "\nReports: every ", TimeSpanWords(policies.period()), "; memory is local up to distance ",
      policies.local_distance(), "\nProtected namespaces: ",
      policies.protected_namespaces().empty() ? "none"
                                              : absl::StrJoin(policies.protected_namespaces(), " "),
      "\nConfiguration: ", ConfigurationWords(policies.configuration()), "\n");
  return text;
}

Command PoliciesCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("policies", "Show the policies by which the agent repairs placements");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    if (globals.calls_many()) {
      return ShowSections<v1::GetPoliciesResponse>(
          globals, [](AgentClient& agent) { return agent.GetPolicies(); }, PoliciesText);
    }
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto policies, client.GetPolicies());
    std::cout << Render(policies, globals.output, [&] { return PoliciesText(policies); });
    return kExitSuccess;
  };
  return {arguments, run};
}

}  // namespace numalocality::localityctl
