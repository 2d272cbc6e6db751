// The agent's configuration: policies, limits, listen addresses and sources of names.
#ifndef NUMALOCALITY_AGENT_MODEL_CONFIGURATION_H_
#define NUMALOCALITY_AGENT_MODEL_CONFIGURATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/model/access.h"
#include "agent/model/enum_table.h"
#include "agent/model/migration.h"
#include "agent/model/room.h"
#include "agent/model/workload.h"

namespace numalocality {

enum class PolicyAction { kObserve, kRepair };
const EnumTable<PolicyAction>& TableOf(PolicyAction);

// Which pods may choose a policy by annotation although its selector does not select them.
enum class AnnotationRule {
  kNone,       // no pods
  kNamespace,  // pods in the namespaces that its selector names
  kAny,        // all pods
};
const EnumTable<AnnotationRule>& TableOf(AnnotationRule);

// The workloads that a policy applies to. All members must match; an empty member matches
// everything.
struct PolicySelector {
  std::vector<std::string> namespaces;
  std::map<std::string, std::string> match_labels;
  std::vector<QosClass> qos_classes;
  // Cgroups outside Kubernetes. Each is one workload together with all cgroups below it; none is
  // within another. Excludes the three members above. If empty, the policy applies to Kubernetes
  // containers only.
  std::vector<std::string> cgroup_paths;
  bool operator==(const PolicySelector&) const = default;
};

// A rule of the repair loop. agent/README.md lists the files that a new field touches; the tests
// that use tests/unit/fake/policy_fields.h fail until each interface has it.
struct LocalityPolicy {
  std::string name;
  PolicySelector selector;
  PolicyAction action = PolicyAction::kObserve;
  double min_local_fraction = 0.90;              // repair below this ...
  int64_t min_remote_bytes = int64_t{64} << 20;  // ... if as many bytes can be repaired ...
  absl::Duration settle = absl::Seconds(10);     // ... and the home nodes did not change for this
  absl::Duration cooldown = absl::Minutes(5);    // after a migration; doubles if it did not help
  SharingRule sharing = SharingRule::kNever;
  bool page_cache = false;
  AnnotationRule by_annotation = AnnotationRule::kNone;
  StickMode stick = StickMode::kNone;
  int64_t bytes_per_second = 0;  // 0: only the limit of all migrations together
  absl::Duration longest_call = absl::Milliseconds(10);
  bool operator==(const LocalityPolicy&) const = default;
};

// Limits of all migrations together.
struct AgentLimits {
  int64_t bytes_per_second = int64_t{2} << 30;
  int concurrent_migrations = 2;
  RoomLimits room;
  bool operator==(const AgentLimits&) const = default;
};

// The plaintext port for metrics and health.
struct HttpOptions {
  std::string address;           // "127.0.0.1:9464", "[::]:9464"; empty: none
  bool container_series = true;  // a set of series for each container, else totals only
  int max_containers = 500;      // with series; those with the most remote bytes
  bool operator==(const HttpOptions&) const = default;
};

// An address to listen on.
struct HttpAddress {
  std::string ip;
  bool is_ipv6 = false;
  int port = 0;  // 0: any free port

  std::string ToString() const;
  bool operator==(const HttpAddress&) const = default;
};

// Parses "IP:PORT", IPv6 in brackets. The message of INVALID_ARGUMENT shows the right format.
absl::StatusOr<HttpAddress> ParseHttpAddress(absl::string_view text);

// Who may use the API through the front, besides the users of the agent's own socket.
struct ApiOptions {
  std::vector<ApiClient> clients;  // others may do nothing
  bool operator==(const ApiOptions&) const = default;
};

// The socket on which containers ask for themselves. Changes take effect after a restart.
struct SelfOptions {
  bool enabled = false;
  std::string socket = "/run/numa-locality-self/self.sock";  // in a directory that pods mount
  bool device_plugin = false;  // gives it to pods as kubelet's resource numa-locality.io/self ...
  int devices = 256;           // ... of which this Kubernetes node has so many units
  bool operator==(const SelfOptions&) const = default;
};

// The name sources; an empty path disables one.
struct SourceOptions {
  std::string cri_socket;                        // gives root access, therefore opt-in
  std::string kubelet_dir = "/var/lib/kubelet";  // pod-resources socket and state files
  std::string pod_logs_dir = "/var/log";         // with pods/ and containers/
  bool cri_events = false;                       // see CriEvents for the side effects
  bool operator==(const SourceOptions&) const = default;
};

struct Configuration {
  std::vector<LocalityPolicy> policies;  // the first match applies; without one: observe
  AgentLimits limits;
  absl::Duration period = absl::Seconds(30);  // of the reports
  int local_distance = 10;  // nodes up to this distance from a CPU's node are home nodes too
  std::vector<std::string> protected_namespaces = {"kube-system"};
  HttpOptions http;
  ApiOptions api;
  SourceOptions sources;
  SelfOptions self;
  bool operator==(const Configuration&) const = default;

  // Null if no policy has this name.
  const LocalityPolicy* FindPolicy(const std::string& name) const;
};

// The keys that differ between the two and take effect after a restart of the agent only:
// "localDistance", "http.address", ...
std::vector<std::string> KeysForRestart(const Configuration& started, const Configuration& now);

// The origin of the configuration in force.
struct ConfigurationStatus {
  std::string path;                             // empty: no file, the defaults are in force
  absl::Time load_time = absl::InfinitePast();  // of the file in force; InfinitePast: defaults
  std::string error;                            // why the current file is not in force
  std::vector<std::string> restart_keys = {};   // see KeysForRestart
  // Valid sections of the file as it was at the start, which was invalid, are in force.
  bool only_valid_sections = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CONFIGURATION_H_
