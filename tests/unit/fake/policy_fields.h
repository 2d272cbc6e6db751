// The fields of a policy, for tests that check that an interface has all of them.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_POLICY_FIELDS_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_POLICY_FIELDS_H_

#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "agent/model/configuration.h"

namespace numalocality {

// Calls visit(name, field of `a`, field of `b`) for each field of two policies, the selectors'
// fields included. After a field is added to either struct, this does not compile until the field
// is visited here.
template <typename Policy, typename Visit>
void ForEachPolicyField(Policy& a, Policy& b, Visit visit) {
  auto& [name, selector, action, min_local_fraction, min_remote_bytes, settle, cooldown, sharing,
         page_cache, by_annotation, stick, bytes_per_second, longest_call] = a;
  auto& [namespaces, match_labels, qos_classes, cgroup_paths] = selector;
  visit("name", name, b.name);
  visit("selector.namespaces", namespaces, b.selector.namespaces);
  visit("selector.match_labels", match_labels, b.selector.match_labels);
  visit("selector.qos_classes", qos_classes, b.selector.qos_classes);
  visit("selector.cgroup_paths", cgroup_paths, b.selector.cgroup_paths);
  visit("action", action, b.action);
  visit("min_local_fraction", min_local_fraction, b.min_local_fraction);
  visit("min_remote_bytes", min_remote_bytes, b.min_remote_bytes);
  visit("settle", settle, b.settle);
  visit("cooldown", cooldown, b.cooldown);
  visit("sharing", sharing, b.sharing);
  visit("page_cache", page_cache, b.page_cache);
  visit("by_annotation", by_annotation, b.by_annotation);
  visit("stick", stick, b.stick);
  visit("bytes_per_second", bytes_per_second, b.bytes_per_second);
  visit("longest_call", longest_call, b.longest_call);
}

namespace policy_fields_internal {

inline void Change(std::string& field) { field += "x"; }
inline void Change(bool& field) { field = !field; }
inline void Change(int64_t& field) { field += int64_t{1} << 20; }
inline void Change(double& field) { field /= 2; }
inline void Change(absl::Duration& field) { field += absl::Seconds(1); }
inline void Change(std::vector<std::string>& field) { field.push_back("/x"); }
inline void Change(std::vector<QosClass>& field) { field.push_back(QosClass::kBurstable); }
inline void Change(std::map<std::string, std::string>& field) { field["x"] = "y"; }
template <typename E, typename = std::enable_if_t<std::is_enum_v<E>>>
void Change(E& field) {
  field = AllValues<E>().back();
}

}  // namespace policy_fields_internal

// For each field its name, and a policy that differs from the default in that field only.
inline std::vector<std::pair<std::string, LocalityPolicy>> PoliciesWithOneChange() {
  std::vector<std::pair<std::string, LocalityPolicy>> policies;
  LocalityPolicy defaults;
  ForEachPolicyField(defaults, defaults, [&](const char* name, auto&, auto&) {
    LocalityPolicy changed;
    ForEachPolicyField(changed, changed, [&](const char* each, auto& field, auto&) {
      if (std::string(each) == name) policy_fields_internal::Change(field);
    });
    policies.emplace_back(name, changed);
  });
  return policies;
}

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_POLICY_FIELDS_H_
