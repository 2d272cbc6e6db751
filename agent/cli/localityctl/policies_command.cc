#include "agent/cli/localityctl/policies_command.h"

#include <google/protobuf/struct.pb.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

// The value of a key; an unset one if there is none, as in the answer of an older agent.
const Value& Get(const Struct& map, const std::string& key) {
  const auto entry = map.fields().find(key);
  return entry == map.fields().end() ? Value::default_instance() : entry->second;
}

// A value on one line: "64Mi", "yes", "a,b", "tier=db".
std::string Words(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue: return Printable(value.string_value());
    case Value::kNumberValue: return absl::StrFormat("%g", value.number_value());
    case Value::kBoolValue: return value.bool_value() ? "yes" : "no";
    case Value::kListValue:
      return absl::StrJoin(value.list_value().values(), ",",
                           [](std::string* out, const Value& each) { out->append(Words(each)); });
    case Value::kStructValue: {
      std::map<std::string, std::string> sorted;
      for (const auto& [key, each] : value.struct_value().fields()) {
        sorted[Printable(key)] = Words(each);
      }
      return absl::StrJoin(sorted, ",", absl::PairFormatter("="));
    }
    default: return "";
  }
}

std::string FractionWords(const Value& fraction) {
  return absl::StrFormat("%g%%", 100 * fraction.number_value());
}

std::string BandwidthWords(const Value& rate) {
  return rate.string_value() == "0" ? "no limit" : absl::StrCat(Words(rate), "/s");
}

std::string SelectorWords(const Struct& selector) {
  std::vector<std::string> words;
  const auto add = [&](absl::string_view what, const std::string& key) {
    const std::string selected = Words(Get(selector, key));
    if (!selected.empty()) words.push_back(absl::StrCat(what, " ", selected));
  };
  add("namespace", "namespaces");
  add("label", "matchLabels");
  add("class", "qosClasses");
  add("cgroup", "cgroupPaths");
  return words.empty() ? "all pods" : absl::StrJoin(words, "; ");
}

std::string ShareWords(const Value& share) {
  return share.kind_case() == Value::kStringValue ? Words(share) : FractionWords(share);
}

// "2% of each node's memory is kept free, 4Gi of node 1's".
std::string ReserveWords(const Value& reserve) {
  const Struct& of_node = reserve.struct_value();
  const bool is_by_node = reserve.kind_case() == Value::kStructValue;
  std::string words = absl::StrCat(ShareWords(is_by_node ? Get(of_node, "default") : reserve),
                                   " of each node's memory is kept free");
  std::map<int, std::string> sorted;
  for (const auto& [key, share] : of_node.fields()) {
    int node = 0;
    if (absl::SimpleAtoi(key, &node)) sorted[node] = ShareWords(share);
  }
  for (const auto& [node, share] : sorted) {
    absl::StrAppend(&words, ", ", share, " of node ", node, "'s");
  }
  return words;
}

std::string CacheWords(const Value& share) {
  if (share.number_value() == 0) return "Page cache does not count as room";
  return absl::StrCat(FractionWords(share),
                      " of a node's clean inactive page cache counts as room");
}

Command ShowCommand(CLI::App* arguments, const GlobalOptions& globals,
                    std::string (*text)(const v1::GetConfigurationResponse&)) {
  const auto run = [&globals, text]() -> absl::StatusOr<ExitCode> {
    if (globals.calls_many()) {
      return ShowSections<v1::GetConfigurationResponse>(
          globals, [](AgentClient& agent) { return agent.GetConfiguration(); }, text);
    }
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto configuration, client.GetConfiguration());
    std::cout << Render(configuration, globals.output, [&] { return text(configuration); });
    return kExitSuccess;
  };
  return {arguments, run};
}

}  // namespace

std::string PoliciesText(const v1::GetConfigurationResponse& configuration) {
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
  const Struct& settings = configuration.settings();
  const auto& policies = Get(settings, "policies").list_value().values();
  for (int i = 0; i < policies.size(); ++i) {
    const Struct& policy = policies[i].struct_value();
    const auto words = [&policy](const char* key) { return Words(Get(policy, key)); };
    const Struct& limits = Get(policy, "limits").struct_value();
    table.AddRow({absl::StrCat(i + 1), words("name"), words("action"),
                  FractionWords(Get(policy, "minLocalFraction")), words("minRemoteBytes"),
                  words("settle"), words("cooldown"), BandwidthWords(Get(limits, "bandwidth")),
                  Words(Get(limits, "maxCallTime")), words("shared"), words("pageCache"),
                  words("stick"), words("byAnnotation"),
                  SelectorWords(Get(policy, "selector").struct_value())});
  }
  const Struct& limits = Get(settings, "limits").struct_value();
  const std::string protected_namespaces = Words(Get(settings, "protectedNamespaces"));
  return absl::StrCat(
      policies.empty() ? "No policies: the agent repairs nothing.\n" : table.ToString(),
      "\nAll migrations: ", BandwidthWords(Get(limits, "bandwidth")), ", ",
      Words(Get(limits, "concurrentMigrations")), " at a time, ",
      ReserveWords(Get(limits, "nodeReserve")), "\n", CacheWords(Get(limits, "reclaimCache")),
      "\nReports: every ", Words(Get(settings, "period")), "; memory is local up to distance ",
      Words(Get(settings, "localDistance")),
      "\nProtected namespaces: ", protected_namespaces.empty() ? "none" : protected_namespaces,
      "\nConfiguration: ", ConfigurationWords(configuration.status()), "\n");
}

std::string ConfigurationText(const v1::GetConfigurationResponse& configuration) {
  const v1::ConfigurationStatus& status = configuration.status();
  std::string text = absl::StrCat("# ", ConfigurationWords(status), "\n");
  if (!status.restart_keys().empty()) {
    absl::StrAppend(&text, "# In force after a restart of the agent: ",
                    absl::StrJoin(status.restart_keys(), ", "), "\n");
  }
  return text + Render(configuration.settings(), OutputFormat::kYaml, [] { return std::string(); });
}

Command PoliciesCommand(CLI::App& app, const GlobalOptions& globals) {
  return ShowCommand(
      app.add_subcommand("policies", "Show the policies by which the agent repairs placements"),
      globals, PoliciesText);
}

Command ConfigurationCommand(CLI::App& app, const GlobalOptions& globals) {
  return ShowCommand(app.add_subcommand("configuration",
                                        "Show all settings of the agent, as a configuration file"),
                     globals, ConfigurationText);
}

}  // namespace numalocality::localityctl
