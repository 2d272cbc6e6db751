// localityctl top
#include <unistd.h>

#include <iostream>
#include <memory>

#include "agent/base/clock.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/placement_text.h"
#include "agent/cli/localityctl/selector.h"

namespace numalocality {
namespace {

struct TopOptions {
  SelectorOptions selector;
  bool watch = false;
  bool all = false;
  bool pages = false;
};

constexpr absl::Duration kRefresh = absl::Seconds(2);

// To the upper left corner, and clear all below.
constexpr char kClearScreen[] = "\033[H\033[J";

void DropSandboxes(v1::ListPlacementsResponse& list) {
  auto& placements = *list.mutable_placements();
  for (int i = placements.size() - 1; i >= 0; --i) {
    if (placements.at(i).is_sandbox()) placements.DeleteSubrange(i, 1);
  }
}

// What is asked for, as one list whichever way it is asked for.
absl::StatusOr<v1::ListPlacementsResponse> ReadPlacements(AgentClient& client,
                                                          const TopOptions& options) {
  const auto view = options.pages ? v1::PLACEMENT_VIEW_PAGES : v1::PLACEMENT_VIEW_BASIC;
  v1::GetPlacementRequest request;
  *request.mutable_workload() = ToSelector(options.selector);
  request.set_view(view);
  v1::ListPlacementsResponse list;
  if (request.workload().name_case() == v1::WorkloadSelector::NAME_NOT_SET) {
    NL_ASSIGN_OR_RETURN(list, client.ListPlacements(view));
  } else {
    NL_ASSIGN_OR_RETURN(auto response, client.GetPlacement(request));
    list.mutable_placements()->Swap(response.mutable_placements());
  }
  if (!options.all) DropSandboxes(list);
  return list;
}

absl::StatusOr<ExitCode> Top(const GlobalOptions& globals, const TopOptions& options) {
  AgentClient client(globals.endpoint, globals.timeout);
  const bool in_place = options.watch && isatty(STDOUT_FILENO) == 1;
  while (true) {
    NL_ASSIGN_OR_RETURN(const auto list, ReadPlacements(client, options));
    std::cout << (in_place ? kClearScreen : "")
              << Render(list, globals.output, [&] { return PlacementsText(list.placements()); })
              << std::flush;
    if (!options.watch || !std::cout) return kExitSuccess;
    Clock::System().Sleep(kRefresh);
  }
}

}  // namespace

Command TopCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<TopOptions>();
  CLI::App* arguments = app.add_subcommand(
      "top", "Where each container's memory is, and how much of it is local to its CPUs");
  AddSelectorOptions(*arguments, options->selector);
  arguments->add_flag("--watch", options->watch, "Go on, every 2 s");
  arguments->add_flag("--all", options->all, "Pods' sandboxes (pause containers), too");
  arguments->add_flag("--pages", options->pages, "Exact, page by page: slow for large processes");
  return {arguments, [&globals, options] { return Top(globals, *options); }};
}

}  // namespace numalocality
