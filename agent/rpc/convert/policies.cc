#include "agent/rpc/convert/policies.h"

#include <string>

#include "agent/base/log.h"
#include "agent/rpc/convert/common.h"

namespace numalocality {
namespace {

using numalocality::ToProto;  // of times, which the functions below hide

void ToProto(const PolicySelector& selector, v1::Policy& message) {
  for (const std::string& name : selector.namespaces) message.add_namespaces(Printable(name));
  for (const auto& [label, value] : selector.match_labels) {
    (*message.mutable_match_labels())[Printable(label)] = Printable(value);
  }
  for (const QosClass qos : selector.qos_classes) message.add_qos_classes(ToApi<v1::QosClass>(qos));
  for (const std::string& path : selector.cgroup_paths) message.add_cgroup_paths(Printable(path));
}

void ToProto(const LocalityPolicy& policy, v1::Policy& message) {
  message.set_name(Printable(policy.name));
  ToProto(policy.selector, message);
  message.set_repairs(policy.action == PolicyAction::kRepair);
  message.set_min_local_fraction(policy.min_local_fraction);
  message.set_min_remote_bytes(policy.min_remote_bytes);
  *message.mutable_settle() = ToProto(policy.settle);
  *message.mutable_cooldown() = ToProto(policy.cooldown);
  message.set_shared_pages(ToApi<v1::SharingRule>(policy.sharing));
  message.set_page_cache(policy.page_cache);
  message.set_by_annotation(ToApi<v1::AnnotationRule>(policy.by_annotation));
  message.set_stick(ToApi<v1::StickMode>(policy.stick));
  message.mutable_limits()->set_bandwidth_bytes_per_second(policy.bytes_per_second);
  *message.mutable_limits()->mutable_max_call_time() = ToProto(policy.longest_call);
}

}  // namespace

void ToProto(const Configuration& configuration, v1::GetPoliciesResponse& message) {
  for (const LocalityPolicy& policy : configuration.policies) {
    ToProto(policy, *message.add_policies());
  }
  message.set_bandwidth_bytes_per_second(configuration.limits.bytes_per_second);
  message.set_concurrent_migration_count(configuration.limits.concurrent_migrations);
  const RoomLimits& room = configuration.limits.room;
  message.set_node_reserve(room.reserve.of_each.fraction);
  message.set_node_reserve_bytes(room.reserve.of_each.bytes);
  for (const auto& [node, share] : room.reserve.of_node) {
    v1::NodeReserve& shown = *message.add_node_reserves();
    shown.set_node_id(node.value);
    shown.set_fraction(share.fraction);
    shown.set_bytes(share.bytes);
  }
  message.set_reclaim_cache(room.reclaim_cache);
  *message.mutable_period() = ToProto(configuration.period);
  message.set_local_distance(configuration.local_distance);
  for (const std::string& name : configuration.protected_namespaces) {
    message.add_protected_namespaces(Printable(name));
  }
  for (const ApiClient& client : configuration.api.clients) {
    v1::ApiClient& shown = *message.add_api_clients();
    shown.set_identity(Printable(client.identity));
    shown.set_role(ToApi<v1::ApiRole>(client.role));
    for (const std::string& name : client.namespaces) shown.add_namespaces(Printable(name));
  }
}

void ToProto(const ConfigurationStatus& status, v1::ConfigurationStatus& message) {
  message.set_path(Printable(status.path));
  if (status.load_time != absl::InfinitePast()) {
    *message.mutable_load_time() = ToProto(status.load_time);
  }
  message.set_error(Printable(status.error));
  for (const std::string& key : status.restart_keys) message.add_restart_keys(key);
}

}  // namespace numalocality
