#include "agent/engine/workload/known_names.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace numalocality {
namespace {

std::string KeyByUid(const std::string& pod_uid, const std::string& container) {
  return absl::StrCat(pod_uid, "/", container);
}

std::string KeyByNames(const ContainerNames& names) {
  return absl::StrCat(names.pod_namespace, "/", names.pod, "/", names.container);
}

}  // namespace

bool KnownNames::Learn(size_t source, const std::vector<KnownContainer>& told, absl::Duration now) {
  bool changed = ReplaceAssignments(source, told);
  for (const KnownContainer& entry : told) {
    changed |= LearnContainer(source, entry, now);
    changed |= LearnPod(source, entry, now);
  }
  changed |= Forget(source, now, containers_);
  changed |= Forget(source, now, pods_);
  return changed;
}

bool KnownNames::LearnContainer(size_t source, const KnownContainer& told, absl::Duration now) {
  if (told.container_id.empty()) return false;
  const auto [found, is_new] = containers_.try_emplace(told.container_id);
  auto& known = found->second;
  known.last_told = now;
  if (!is_new && source > known.source) return false;
  known.source = source;
  return std::exchange(known.value, told.description.names) != told.description.names;
}

bool KnownNames::LearnPod(size_t source, const KnownContainer& told, absl::Duration now) {
  ContainerNames names = told.description.names;
  names.container.clear();
  if (told.pod_uid.empty() || names == ContainerNames()) return false;
  const auto [found, is_new] = pods_.try_emplace(told.pod_uid);
  auto& known = found->second;
  known.last_told = now;
  if (!is_new && source > known.source) return false;
  known.source = source;
  bool changed = std::exchange(known.value.names, names) != names;
  const auto& metadata = told.description.metadata;
  if (metadata.has_value() && known.value.metadata != metadata) {
    known.value.metadata = metadata;
    changed = true;
  }
  return changed;
}

bool KnownNames::ReplaceAssignments(size_t source, const std::vector<KnownContainer>& told) {
  Assignments fresh;
  for (const KnownContainer& entry : told) {
    const ContainerNames& names = entry.description.names;
    if (!entry.description.assignment.has_value()) continue;
    fresh[entry.pod_uid.empty() ? KeyByNames(names) : KeyByUid(entry.pod_uid, names.container)] =
        *entry.description.assignment;
  }
  return std::exchange(assignments_[source], fresh) != fresh;
}

template <typename Value>
bool KnownNames::Forget(size_t source, absl::Duration now,
                        std::map<std::string, Told<Value>>& known) {
  return std::erase_if(known, [&](const auto& entry) {
           return entry.second.source == source && now - entry.second.last_told >= kKeep;
         }) > 0;
}

ContainerNames KnownNames::NamesOf(const ContainerRef& container) const {
  const auto known = containers_.find(container.container_id);
  ContainerNames names = known == containers_.end() ? ContainerNames() : known->second.value;
  const auto pod = pods_.find(container.pod_uid);
  if (names.pod.empty() && pod != pods_.end()) {
    names.pod_namespace = pod->second.value.names.pod_namespace;
    names.pod = pod->second.value.names.pod;
  }
  return names;
}

ContainerDescription KnownNames::Describe(const ContainerRef& container) const {
  ContainerDescription description{NamesOf(container), {}, {}};
  const auto pod = pods_.find(container.pod_uid);
  if (pod != pods_.end()) description.metadata = pod->second.value.metadata;
  const ContainerNames& names = description.names;
  if (names.container.empty()) return description;
  for (const auto& [source, assignments] : assignments_) {
    auto found = assignments.find(KeyByUid(container.pod_uid, names.container));
    if (found == assignments.end()) found = assignments.find(KeyByNames(names));
    if (found == assignments.end()) continue;
    description.assignment = found->second;
    break;
  }
  return description;
}

}  // namespace numalocality
