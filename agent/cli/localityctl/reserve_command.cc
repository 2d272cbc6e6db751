// localityctl reserve and release
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/status.h"
#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/selector.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

struct ReserveOptions {
  SelectorOptions selector;
  std::optional<absl::Duration> ttl;
  std::optional<std::string> owner;
  std::string token;
  bool list = false;
};

std::string ReservationText(const v1::ReserveWorkloadResponse& reservation) {
  std::string text = absl::StrCat("Reserved until ", TimeWords(reservation.expire_time()), ":\n");
  for (const v1::Workload& workload : reservation.workloads()) {
    absl::StrAppend(&text, "  ", WorkloadWords(workload), "\n");
  }
  return absl::StrCat(text, "Token: ", reservation.token(),
                      "\nMove the workload with 'localityctl migrate --reservation ",
                      reservation.token(), "'; end the reservation with 'localityctl release ",
                      reservation.token(), "'.\n");
}

std::string ReservationsText(const v1::ListReservationsResponse& list) {
  Table table({{"OWNER"}, {"CREATED BY"}, {"EXPIRES"}, {"WORKLOADS"}});
  for (const v1::Reservation& reservation : list.reservations()) {
    std::vector<std::string> workloads;
    for (const v1::Workload& workload : reservation.workloads()) {
      workloads.push_back(WorkloadWords(workload));
    }
    table.AddRow({reservation.owner(), reservation.created_by(),
                  TimeWords(reservation.expire_time()), absl::StrJoin(workloads, ", ")});
  }
  return list.reservations().empty() ? "No workload is reserved.\n" : table.ToString();
}

absl::StatusOr<ExitCode> ListReservations(const GlobalOptions& globals) {
  NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
  NL_ASSIGN_OR_RETURN(const auto list, client.ListReservations());
  std::cout << Render(list, globals.output, [&] { return ReservationsText(list); });
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Reserve(const GlobalOptions& globals, const ReserveOptions& options) {
  if (options.list) return ListReservations(globals);
  v1::ReserveWorkloadRequest request;
  *request.mutable_workload() = ToSelector(options.selector);
  const bool is_named = request.workload().name_case() != v1::WorkloadSelector::NAME_NOT_SET;
  if (!is_named && options.token.empty()) {
    return absl::InvalidArgumentError(
        "name a workload with --pod, --container, --cgroup or --pid; 'localityctl top' lists them");
  }
  if (!is_named) request.clear_workload();
  if (options.ttl.has_value()) *request.mutable_ttl() = ToProto(*options.ttl);
  // With a token, the reservation's own.
  request.set_owner(options.owner.value_or(options.token.empty() ? "localityctl" : ""));
  request.set_token(options.token);
  if (options.token.empty()) request.set_request_id(NewRequestId());
  NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
  NL_ASSIGN_OR_RETURN(const auto response, client.ReserveWorkload(request));
  std::cout << Render(response, globals.output, [&] { return ReservationText(response); });
  return kExitSuccess;
}

}  // namespace

Command ReserveCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<ReserveOptions>();
  CLI::App* arguments = app.add_subcommand(
      "reserve", "Keep the repair loop and other callers off a workload for a while");
  AddSelectorOptions(*arguments, options->selector);
  AddParsedOption(*arguments, "--ttl", ParseTimeSpan, options->ttl,
                  "How long the reservation lasts, at most 24h; default 5m")
      ->type_name("TIME");
  arguments
      ->add_option("--owner", options->owner,
                   "Name of the owner, shown to other users; default localityctl")
      ->type_name("NAME");
  arguments
      ->add_option("--token", options->token,
                   "Token of an existing reservation, to extend it; needs no workload")
      ->type_name("TOKEN");
  arguments->add_flag("--list", options->list, "Show the reservations in force instead");
  return {arguments, [&globals, options] { return Reserve(globals, *options); }};
}

Command ReleaseCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments = app.add_subcommand("release", "End a reservation");
  const auto token = std::make_shared<std::string>();
  const auto selector = std::make_shared<SelectorOptions>();
  arguments->add_option("TOKEN", *token, "The token that 'reserve' printed");
  AddSelectorOptions(*arguments, *selector);
  arguments->footer("An admin can end the reservations of a workload without a token.");
  const auto run = [&globals, token, selector]() -> absl::StatusOr<ExitCode> {
    v1::ReleaseWorkloadRequest request;
    request.set_token(*token);
    *request.mutable_workload() = ToSelector(*selector);
    if (request.workload().name_case() == v1::WorkloadSelector::NAME_NOT_SET) {
      request.clear_workload();
    }
    if (token->empty() && !request.has_workload()) {
      return absl::InvalidArgumentError("name the token that 'reserve' printed, or a workload");
    }
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto response, client.ReleaseWorkload(request));
    std::cout << Render(response, globals.output, [] { return "Released.\n"; });
    return kExitSuccess;
  };
  return {arguments, run};
}

}  // namespace numalocality::localityctl
