// --all and --endpoints: the agents of many machines, behind one DNS name, such as a headless
// Service's, or in a list. They are called in parallel, and their answers are printed together.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_ALL_AGENTS_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_ALL_AGENTS_H_

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/connection.h"
#include "agent/cli/localityctl/output.h"

namespace numalocality::localityctl {

template <typename Response>
struct AgentAnswer {
  std::string node;      // the Kubernetes node's name; the address if the agent does not report it
  std::string endpoint;  // "10.1.2.3:9463"
  absl::StatusOr<Response> response = absl::UnknownError("not asked");
};

// The address of one of many agents.
struct AgentAddress {
  std::string endpoint;
  std::string node;  // a name for people: the Kubernetes node, or the host
};

// The agents that `text` lists: an endpoint in each line, which the name of its node may follow.
// Empty lines and lines that begin with # are skipped, repeated endpoints too. INVALID_ARGUMENT
// names the line. Pure.
absl::StatusOr<std::vector<AgentAddress>> ParseAddresses(absl::string_view text);

// The agents of all machines. Each is connected to only while it is asked.
class AllAgents {
 public:
  // The agents at the addresses of `globals.all`, or in `globals.endpoints_file`. UNAVAILABLE if
  // the name has no address, NOT_FOUND if there is no file.
  static absl::StatusOr<AllAgents> Find(const GlobalOptions& globals);

  // Calls `ask` once for each agent, for `globals.parallel` at a time. The calls to one agent may
  // take `globals.timeout` together. Returns the answers sorted by node name.
  template <typename Response>
  std::vector<AgentAnswer<Response>> Ask(
      const std::function<absl::StatusOr<Response>(AgentClient&)>& ask) const {
    std::vector<AgentAnswer<Response>> answers(addresses_.size());
    InParallel([&](size_t i) {
      AgentAddress agent = addresses_[i];
      AgentClient client = Open(agent.endpoint).Within(timeout_);
      const absl::Status met = Meet(client, agent);
      auto response = met.ok() ? ask(client) : absl::StatusOr<Response>(met);
      answers[i] = {agent.node, agent.endpoint, std::move(response)};
    });
    std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) {
      return std::tie(a.node, a.endpoint) < std::tie(b.node, b.endpoint);
    });
    return answers;
  }

  // A client of the agent at `endpoint`.
  AgentClient Open(const std::string& endpoint) const;

 private:
  AllAgents() = default;

  // Asks for the name of the agent's node.
  static absl::Status Meet(AgentClient& client, AgentAddress& agent);
  // Calls `work` with the index of each agent, several at a time.
  void InParallel(absl::FunctionRef<void(size_t)> work) const;

  std::vector<AgentAddress> addresses_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;  // null: all agents have unix sockets
  std::string server_name_;
  absl::Duration timeout_;
  size_t parallel_ = 1;
  const Clock* clock_ = nullptr;
};

// Removes the answers of agents that do not know the workload, as it is on one machine only.
// NOT_FOUND if no agent knows it.
template <typename Response>
absl::Status KeepFound(std::vector<AgentAnswer<Response>>& answers) {
  std::string why;
  std::erase_if(answers, [&](const AgentAnswer<Response>& answer) {
    if (!absl::IsNotFound(answer.response.status())) return false;
    why = std::string(answer.response.status().message());
    return true;
  });
  if (!answers.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("no agent knows the workload: ", why));
}

// Prints the answers, for kTable by `text`, which may change them, and on standard error the agents
// that failed. kExitError if an agent failed.
template <typename Response>
ExitCode PrintAnswers(
    std::vector<AgentAnswer<Response>> answers, OutputFormat format,
    absl::FunctionRef<std::string(std::vector<AgentAnswer<Response>>& good)> text) {
  if (format != OutputFormat::kTable) {
    std::vector<AgentMessage> messages;
    messages.reserve(answers.size());
    for (const AgentAnswer<Response>& answer : answers) {
      messages.push_back({answer.node, answer.endpoint, answer.response.status(),
                          answer.response.ok() ? &*answer.response : nullptr});
    }
    std::cout << RenderAgents(messages, format);
  }
  std::string failures;
  std::erase_if(answers, [&](const AgentAnswer<Response>& answer) {
    if (answer.response.ok()) return false;
    absl::StrAppend(&failures, "ERROR: ", LogSafe(answer.node), ": ",
                    answer.response.status().message(), "\n");
    return true;
  });
  // "No containers." would be wrong if no agent answered.
  if (format == OutputFormat::kTable && !answers.empty()) std::cout << text(answers);
  std::cout << std::flush;
  std::cerr << failures << std::flush;
  return failures.empty() ? kExitSuccess : kExitError;
}

// The text of each answer below a line with the name of its node.
template <typename Response>
std::string SectionsText(const std::vector<AgentAnswer<Response>>& answers,
                         absl::FunctionRef<std::string(const Response&)> text) {
  std::string sections;
  for (const AgentAnswer<Response>& answer : answers) {
    absl::StrAppend(&sections, sections.empty() ? "" : "\n", "== ", LogSafe(answer.node), " ==\n",
                    text(*answer.response));
  }
  return sections;
}

// Calls all agents and prints their answers as sections.
template <typename Response>
absl::StatusOr<ExitCode> ShowSections(
    const GlobalOptions& globals, const std::function<absl::StatusOr<Response>(AgentClient&)>& ask,
    absl::FunctionRef<std::string(const Response&)> text) {
  NL_ASSIGN_OR_RETURN(const AllAgents agents, AllAgents::Find(globals));
  return PrintAnswers<Response>(
      agents.Ask<Response>(ask), globals.output,
      [&](const auto& answers) { return SectionsText<Response>(answers, text); });
}

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_ALL_AGENTS_H_
