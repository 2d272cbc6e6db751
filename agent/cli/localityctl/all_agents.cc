#include "agent/cli/localityctl/all_agents.h"

#include <atomic>
#include <thread>

namespace numalocality::localityctl {
namespace {

// Each thread only waits for its agent. The limit keeps the number of open connections small.
constexpr size_t kMostThreads = 16;

std::string HostOf(const std::string& endpoint) { return endpoint.substr(0, endpoint.rfind(':')); }

}  // namespace

absl::StatusOr<AllAgents> AllAgents::Find(const GlobalOptions& globals) {
  NL_ASSIGN_OR_RETURN(const HostPort name, ParseHostPort(globals.all));
  NL_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(globals.tls));
  NL_ASSIGN_OR_RETURN(const auto endpoints, globals.resolve(name));
  const std::string& server_name =
      globals.tls.server_name.empty() ? name.host : globals.tls.server_name;
  std::vector<Agent> agents;
  for (const std::string& endpoint : endpoints) {
    agents.push_back({endpoint, HostOf(endpoint),
                      AgentClient(endpoint, OpenTlsChannel(endpoint, credentials, server_name),
                                  globals.timeout)});
  }
  return AllAgents(std::move(agents));
}

AgentClient AllAgents::Take(const std::string& endpoint) {
  const auto agent = std::find_if(agents_.begin(), agents_.end(),
                                  [&](const Agent& each) { return each.endpoint == endpoint; });
  return std::move(agent->client);
}

absl::Status AllAgents::Meet(Agent& agent) {
  const auto status = agent.client.GetStatus();
  if (status.ok() && !status->node_name().empty()) agent.node = status->node_name();
  return status.status();
}

void AllAgents::InParallel(absl::FunctionRef<void(size_t)> work) const {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kMostThreads, agents_.size()); ++i) {
    threads.emplace_back([&] {
      for (size_t agent = next++; agent < agents_.size(); agent = next++) work(agent);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace numalocality::localityctl
