// What the operator wants: policies, limits, and where things are.
#ifndef NUMALOCALITY_AGENT_MODEL_CONFIGURATION_H_
#define NUMALOCALITY_AGENT_MODEL_CONFIGURATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/model/enum_table.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

enum class PolicyAction { kObserve, kRepair };
const EnumTable<PolicyAction>& TableOf(PolicyAction);

// Whom a policy is for: all that is given must match, and what is empty matches everything.
struct PolicySelector {
  std::vector<std::string> namespaces;
  std::map<std::string, std::string> match_labels;
  std::vector<QosClass> qos_classes;
  // Cgroups outside Kubernetes, each one workload with all that is below it, and none of them
  // within another; excludes the three above. Without any, the policy is for Kubernetes' containers
  // only.
  std::vector<std::string> cgroup_paths;
  bool operator==(const PolicySelector&) const = default;
};

struct LocalityPolicy {
  std::string name;
  PolicySelector selector;
  PolicyAction action = PolicyAction::kObserve;
  double min_local_fraction = 0.90;              // repair below this ...
  int64_t min_remote_bytes = int64_t{64} << 20;  // ... if so much is remote and repairable ...
  absl::Duration settle = absl::Seconds(10);     // ... and the home has been the same for so long
  absl::Duration cooldown = absl::Minutes(5);    // after a migration; doubles while it is no help
  SharingRule sharing = SharingRule::kNever;
  bool page_cache = false;
  StickMode stick = StickMode::kNone;
  int64_t bytes_per_second = 0;  // 0: no limit of its own
  absl::Duration longest_call = absl::Milliseconds(10);
  bool operator==(const LocalityPolicy&) const = default;
};

// Of all migrations together.
struct AgentLimits {
  int64_t bytes_per_second = int64_t{2} << 30;
  int concurrent_migrations = 2;
  double node_reserve = 0.02;  // part of each node's memory that is left free
  bool operator==(const AgentLimits&) const = default;
};

// The plaintext port for metrics and health.
struct HttpOptions {
  std::string address;           // "127.0.0.1:9464", "[::]:9464"; empty: none
  bool container_series = true;  // one set of series a container, else totals only
  int max_containers = 500;      // those with most remote bytes have series of their own
  bool operator==(const HttpOptions&) const = default;
};

// An address to listen at.
struct HttpAddress {
  std::string ip;
  bool is_ipv6 = false;
  int port = 0;  // 0: any that is free

  std::string ToString() const;
  bool operator==(const HttpAddress&) const = default;
};

// Reads "IP:PORT", IPv6 in brackets. INVALID_ARGUMENT with a sentence that says what is right.
absl::StatusOr<HttpAddress> ParseHttpAddress(absl::string_view text);

// The API over TCP, with mutual TLS. All is read at the start; what the files say is read again as
// they are replaced.
struct GrpcOptions {
  std::string address;         // as HttpOptions has it; empty: none
  std::string cert_file;       // the agent's certificate and those between it and its CA's
  std::string key_file;        // the private key of that
  std::string client_ca_file;  // certificates of the CA that signs clients' certificates
  bool operator==(const GrpcOptions&) const = default;
};

// Where names of containers come from; empty: not used.
struct SourceOptions {
  std::string cri_socket;                        // root-equivalent, hence opt-in
  std::string kubelet_dir = "/var/lib/kubelet";  // pod-resources socket and state files
  std::string pod_logs_dir = "/var/log";         // with pods/ and containers/
  bool cri_events = false;                       // see CriEvents for what they may take away
  bool operator==(const SourceOptions&) const = default;
};

struct Configuration {
  std::vector<LocalityPolicy> policies;  // the first that matches applies; none: observe
  AgentLimits limits;
  absl::Duration period = absl::Seconds(30);  // of the reports
  int local_distance = 10;  // nodes up to this distance from a CPU's are home, too
  std::vector<std::string> protected_namespaces = {"kube-system"};
  HttpOptions http;
  GrpcOptions grpc;
  SourceOptions sources;
  bool operator==(const Configuration&) const = default;

  // Null if there is none of this name.
  const LocalityPolicy* FindPolicy(const std::string& name) const;
};

// The keys in which `now` differs from `started` though an agent takes them over at its start only:
// "localDistance", "http.address", ...
std::vector<std::string> KeysForRestart(const Configuration& started, const Configuration& now);

// Where the configuration in force comes from.
struct ConfigurationStatus {
  std::string path;                             // empty: none is given
  absl::Time load_time = absl::InfinitePast();  // of the one in force; none: defaults hold
  std::string error;                            // why the file as it is now is not in force
  std::vector<std::string> restart_keys = {};   // as KeysForRestart: in force after a restart
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CONFIGURATION_H_
