#include "agent/cli/localityctl/explain_command.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/selector.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

// "1.0 GiB on node 0, 2.0 GiB on node 1".
template <typename Placement>
std::string NodesWords(const Placement& placement) {
  std::vector<std::string> words;
  for (const v1::NodeUsage& usage : placement.node_usages()) {
    const int64_t bytes = AnonAndShmemBytes(usage);
    if (bytes > 0) words.push_back(absl::StrCat(FormatBytes(bytes), " on node ", usage.node_id()));
  }
  return words.empty() ? "none" : absl::StrJoin(words, ", ");
}

template <typename Placement>
std::string HomeWords(const Placement& placement) {
  const std::string homes = IdList(placement.home_node_ids());
  return absl::StrCat("CPUs ", IdList(placement.cpu_ids()),
                      homes.empty() ? ", no home node" : absl::StrCat(", home node ", homes));
}

std::string PlacementWords(const v1::WorkloadPlacement& placement) {
  const std::string local = LocalWords(placement);
  std::string text = absl::StrCat(
      WorkloadWords(placement.workload()), ": ",
      local.empty() ? "no anonymous or shared memory" : local + " local", "\n  ",
      HomeWords(placement), "; cpuset.mems allows node ", IdList(placement.allowed_node_ids()),
      "\n  memory: ", NodesWords(placement), "\n");
  for (const v1::ProcessPlacement& process : placement.processes()) {
    absl::StrAppend(&text, "  process ", process.pid(), ": ",
                    process.has_local_fraction()
                        ? absl::StrFormat("%.1f%% local, ", 100 * process.local_fraction())
                        : "",
                    HomeWords(process), "; memory: ", NodesWords(process), "\n");
  }
  return text;
}

std::string HowWords(const v1::PlacementExplanation& explanation) {
  if (explanation.complete()) return "from all of its pages (complete)";
  return absl::StrFormat("from a sample of %d pages, +-%.1f%% of its memory",
                         explanation.sampled_page_count(), 100 * explanation.error_bound());
}

std::string PartsText(const v1::PlacementExplanation& explanation) {
  int64_t remote = 0;
  for (const v1::RemotePart& part : explanation.parts()) remote += part.bytes();
  if (remote == 0) return absl::StrCat("  No memory is remote: ", HowWords(explanation), "\n");
  Table table({{"REASON"},
               {"BYTES", Table::Align::kRight},
               {"SHARE", Table::Align::kRight},
               {"WHAT TO DO"}});
  std::string details;
  for (const v1::RemotePart& part : explanation.parts()) {
    const double share = static_cast<double>(part.bytes()) / static_cast<double>(remote);
    table.AddRow({RemoteReasonWords(part.reason()), FormatBytes(part.bytes()),
                  absl::StrFormat("%.1f%%", 100 * share), LogSafe(part.advice())});
    if (part.detail().empty()) continue;
    absl::StrAppend(&details, "  ", RemoteReasonWords(part.reason()), ": ", LogSafe(part.detail()),
                    "\n");
  }
  return absl::StrCat("\n", FormatBytes(remote), " remote, page cache and hugetlb pages included; ",
                      HowWords(explanation), ":\n", table.ToString(2), details);
}

std::string CircumstancesText(const v1::PlacementExplanation& explanation) {
  if (explanation.circumstances().empty()) return "";
  std::string text = "\nCircumstances that contribute:\n";
  for (const v1::Circumstance& circumstance : explanation.circumstances()) {
    absl::StrAppend(&text, "  ", LogSafe(circumstance.message()), "\n");
    if (!circumstance.advice().empty()) {
      absl::StrAppend(&text, "    -> ", LogSafe(circumstance.advice()), "\n");
    }
  }
  return text;
}

struct ExplainOptions {
  SelectorOptions selector;
  bool complete = false;
};

absl::StatusOr<ExitCode> ExplainWithAll(const GlobalOptions& globals,
                                        const v1::ExplainPlacementRequest& request) {
  using Response = v1::ExplainPlacementResponse;
  NL_ASSIGN_OR_RETURN(const AllAgents agents, AllAgents::Find(globals));
  auto answers = agents.Ask<Response>(
      [&request](AgentClient& agent) { return agent.ExplainPlacement(request); });
  NL_RETURN_IF_ERROR(KeepFound(answers));
  return PrintAnswers<Response>(std::move(answers), globals.output, [](const auto& good) {
    return SectionsText<Response>(good, ExplanationsText);
  });
}

absl::StatusOr<ExitCode> Explain(const GlobalOptions& globals, const ExplainOptions& options) {
  v1::ExplainPlacementRequest request;
  *request.mutable_workload() = ToSelector(options.selector);
  request.set_complete(options.complete);
  if (request.workload().name_case() == v1::WorkloadSelector::NAME_NOT_SET) {
    return absl::InvalidArgumentError(
        "name a workload with --pod, --container, --cgroup or --pid; 'localityctl top' lists them");
  }
  if (globals.calls_many()) return ExplainWithAll(globals, request);
  NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
  NL_ASSIGN_OR_RETURN(const auto response, client.ExplainPlacement(request));
  std::cout << Render(response, globals.output, [&] { return ExplanationsText(response); });
  return kExitSuccess;
}

}  // namespace

std::string ExplanationsText(const v1::ExplainPlacementResponse& response) {
  std::vector<std::string> texts;
  for (const v1::PlacementExplanation& explanation : response.explanations()) {
    if (explanation.placement().is_sandbox() && response.explanations_size() > 1) continue;
    texts.push_back(absl::StrCat(PlacementWords(explanation.placement()), PartsText(explanation),
                                 CircumstancesText(explanation)));
  }
  return texts.empty() ? "Only sandboxes (pause containers) were found.\n"
                       : absl::StrJoin(texts, "\n");
}

Command ExplainCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<ExplainOptions>();
  CLI::App* arguments =
      app.add_subcommand("explain", "Explain why a workload's memory is remote, and what to do");
  AddSelectorOptions(*arguments, options->selector);
  arguments->add_flag("--complete", options->complete,
                      "Scan every page instead of a sample: exact, but slow for large processes");
  return {arguments, [&globals, options] { return Explain(globals, *options); }};
}

}  // namespace numalocality::localityctl
