// localityctl explain
#include <iostream>
#include <memory>

#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/explanation_text.h"
#include "agent/cli/localityctl/selector.h"

namespace numalocality::localityctl {
namespace {

struct ExplainOptions {
  SelectorOptions selector;
  bool complete = false;
};

absl::StatusOr<ExitCode> ExplainOnItsMachine(const GlobalOptions& globals,
                                             const v1::ExplainPlacementRequest& request) {
  using Response = v1::ExplainPlacementResponse;
  NL_ASSIGN_OR_RETURN(AllAgents agents, AllAgents::Find(globals));
  auto answers = agents.Ask<Response>(
      [&request](AgentClient& agent) { return agent.ExplainPlacement(request); });
  NL_RETURN_IF_ERROR(KeepFound(answers));
  return PrintAnswers<Response>(answers, globals.output, [](const auto& good) {
    return SectionsText<Response>(good, ExplanationsText);
  });
}

absl::StatusOr<ExitCode> Explain(const GlobalOptions& globals, const ExplainOptions& options) {
  v1::ExplainPlacementRequest request;
  *request.mutable_workload() = ToSelector(options.selector);
  request.set_complete(options.complete);
  if (request.workload().name_case() == v1::WorkloadSelector::NAME_NOT_SET) {
    return absl::InvalidArgumentError(
        "name a workload by --pod, --container, --cgroup or --pid; 'localityctl top' lists them");
  }
  if (!globals.all.empty()) return ExplainOnItsMachine(globals, request);
  NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
  NL_ASSIGN_OR_RETURN(const auto response, client.ExplainPlacement(request));
  std::cout << Render(response, globals.output, [&] { return ExplanationsText(response); });
  return kExitSuccess;
}

}  // namespace

Command ExplainCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<ExplainOptions>();
  CLI::App* arguments = app.add_subcommand(
      "explain", "Why a workload's memory is remote, and what can be done about it");
  AddSelectorOptions(*arguments, options->selector);
  arguments->add_flag("--complete", options->complete,
                      "Look at every page, not at a sample: exact, and slow for large processes");
  return {arguments, [&globals, options] { return Explain(globals, *options); }};
}

}  // namespace numalocality::localityctl
