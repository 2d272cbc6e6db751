#include "agent/cli/localityctl/all_agents.h"

#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace numalocality::localityctl {
namespace {

std::string HostOf(const std::string& endpoint) {
  return IsUnixEndpoint(endpoint) ? endpoint : endpoint.substr(0, endpoint.rfind(':'));
}

absl::StatusOr<std::vector<AgentAddress>> ResolveAll(const GlobalOptions& globals) {
  NL_ASSIGN_OR_RETURN(const HostPort name, ParseHostPort(globals.all));
  NL_ASSIGN_OR_RETURN(const auto endpoints, globals.resolve(name));
  std::vector<AgentAddress> addresses;
  addresses.reserve(endpoints.size());
  for (const std::string& endpoint : endpoints) addresses.push_back({endpoint, HostOf(endpoint)});
  return addresses;
}

absl::StatusOr<std::vector<AgentAddress>> ReadAddresses(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path);
    if (!file) return ErrnoStatus(errno, absl::StrCat("--endpoints ", path));
  }
  std::istream& input = path == "-" ? std::cin : file;
  const std::string text(std::istreambuf_iterator<char>(input), {});
  auto addresses = ParseAddresses(text);
  if (!addresses.ok()) return WithContext(addresses.status(), absl::StrCat("--endpoints ", path));
  if (addresses->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--endpoints ", path, ": there is no endpoint in it"));
  }
  return addresses;
}

}  // namespace

absl::StatusOr<std::vector<AgentAddress>> ParseAddresses(absl::string_view text) {
  std::vector<AgentAddress> addresses;
  std::set<std::string> known;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty() || absl::StartsWith(words[0], "#")) continue;
    const auto endpoint = ParseEndpoint(words[0]);
    if (!endpoint.ok()) return WithContext(endpoint.status(), absl::StrCat("line ", number));
    if (words.size() > 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", number, ": more than an endpoint and the name of its node: '", words[2], "'"));
    }
    if (!known.insert(*endpoint).second) continue;
    addresses.push_back({*endpoint, words.size() == 2 ? words[1] : HostOf(*endpoint)});
  }
  return addresses;
}

absl::StatusOr<AllAgents> AllAgents::Find(const GlobalOptions& globals) {
  AllAgents agents;
  NL_ASSIGN_OR_RETURN(agents.addresses_, globals.all.empty() ? ReadAddresses(globals.endpoints_file)
                                                             : ResolveAll(globals));
  const bool is_local =
      std::all_of(agents.addresses_.begin(), agents.addresses_.end(),
                  [](const AgentAddress& agent) { return IsUnixEndpoint(agent.endpoint); });
  if (!is_local) {
    NL_ASSIGN_OR_RETURN(agents.credentials_, ReadCredentials(globals.tls));
  }
  agents.server_name_ = globals.tls.server_name;
  if (agents.server_name_.empty() && !globals.all.empty()) {
    agents.server_name_ = ParseHostPort(globals.all)->host;
  }
  agents.timeout_ = globals.timeout;
  agents.parallel_ = static_cast<size_t>(globals.parallel);
  agents.clock_ = globals.clock;
  return agents;
}

AgentClient AllAgents::Open(const std::string& endpoint) const {
  if (IsUnixEndpoint(endpoint)) return {endpoint, timeout_, *clock_};
  return {endpoint, OpenTlsChannel(endpoint, credentials_, server_name_), timeout_, *clock_};
}

absl::Status AllAgents::Meet(AgentClient& client, AgentAddress& agent) {
  const auto status = client.GetStatus();
  if (status.ok() && !status->node_name().empty()) agent.node = status->node_name();
  return status.status();
}

void AllAgents::InParallel(absl::FunctionRef<void(size_t)> work) const {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;  // each only waits for its agent
  for (size_t i = 0; i < std::min(parallel_, addresses_.size()); ++i) {
    threads.emplace_back([&] {
      for (size_t agent = next++; agent < addresses_.size(); agent = next++) work(agent);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace numalocality::localityctl
