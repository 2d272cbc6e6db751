#include "agent/model/configuration.h"

#include <arpa/inet.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace numalocality {
namespace {

constexpr EnumTable<PolicyAction> kPolicyActions = {{
    {PolicyAction::kObserve, "observe", "observe", ""},
    {PolicyAction::kRepair, "repair", "repair", ""},
}};
static_assert(IsWellFormed(kPolicyActions));

constexpr EnumTable<AnnotationRule> kAnnotationRules = {{
    {AnnotationRule::kNone, "none", "none", ""},
    {AnnotationRule::kNamespace, "namespace", "namespace", ""},
    {AnnotationRule::kAny, "any", "any", ""},
}};
static_assert(IsWellFormed(kAnnotationRules));

}  // namespace

const EnumTable<AnnotationRule>& TableOf(AnnotationRule) { return kAnnotationRules; }
const EnumTable<PolicyAction>& TableOf(PolicyAction) { return kPolicyActions; }

std::string HttpAddress::ToString() const {
  return is_ipv6 ? absl::StrCat("[", ip, "]:", port) : absl::StrCat(ip, ":", port);
}

absl::StatusOr<HttpAddress> ParseHttpAddress(absl::string_view text) {
  const size_t colon = text.rfind(':');
  absl::string_view host = text.substr(0, colon);
  HttpAddress address;
  address.is_ipv6 = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  address.ip = std::string(host);
  in6_addr binary;  // large enough for either
  if (colon != absl::string_view::npos &&
      inet_pton(address.is_ipv6 ? AF_INET6 : AF_INET, address.ip.c_str(), &binary) == 1 &&
      absl::SimpleAtoi(text.substr(colon + 1), &address.port) && address.port >= 0 &&
      address.port <= 65535) {
    return address;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not an IP address and a port, such as 127.0.0.1:9464 or [::]:9464"));
}

std::vector<std::string> KeysForRestart(const Configuration& started, const Configuration& now) {
  std::vector<std::string> keys;
  const auto compare = [&keys](const char* key, const auto& before, const auto& after) {
    if (before != after) keys.emplace_back(key);
  };
  compare("localDistance", started.local_distance, now.local_distance);
  compare("http.address", started.http.address, now.http.address);
  compare("sources.criSocket", started.sources.cri_socket, now.sources.cri_socket);
  compare("sources.criEvents", started.sources.cri_events, now.sources.cri_events);
  compare("sources.kubeletDir", started.sources.kubelet_dir, now.sources.kubelet_dir);
  compare("sources.podLogsDir", started.sources.pod_logs_dir, now.sources.pod_logs_dir);
  compare("self.enabled", started.self.enabled, now.self.enabled);
  compare("self.socket", started.self.socket, now.self.socket);
  compare("self.devicePlugin", started.self.device_plugin, now.self.device_plugin);
  compare("self.devices", started.self.devices, now.self.devices);
  return keys;
}

const LocalityPolicy* Configuration::FindPolicy(const std::string& name) const {
  for (const LocalityPolicy& policy : policies) {
    if (policy.name == name) return &policy;
  }
  return nullptr;
}

}  // namespace numalocality
