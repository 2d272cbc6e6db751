#include "agent/runtime/kubelet_state.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

using Json = nlohmann::json;
// By pod UID and container name.
using Assignments = std::map<std::pair<std::string, std::string>, KubeletAssignment>;
using AddEntry = absl::FunctionRef<void(const Json& entry, KubeletAssignment& assignment)>;

constexpr int kMaxId = 65535;  // of CPUs and nodes, as in IdSet::Parse

// The member `name` of an object; null if there is none or `json` is not an object.
const Json& Member(const Json& json, const char* name) {
  static const Json null;
  if (!json.is_object()) return null;
  const auto found = json.find(name);
  return found == json.end() ? null : *found;
}

Json Parse(const std::string& text) { return Json::parse(text, nullptr, false); }

// Reads {"entries": {"<pod UID>": {"<container>": ...}}}. Newer kubelets put this object as a
// string into "data".
absl::Status AddEntries(const std::string& path, AddEntry add, Assignments& assignments) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  Json state = Parse(text);
  if (const Json& data = Member(state, "data"); data.is_string()) {
    state = Parse(data.get<std::string>());
  }
  if (!state.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": is not a JSON object; kubelet writes the file again when it restarts"));
  }
  for (const auto& [uid, containers] : Member(state, "entries").items()) {
    if (!containers.is_object()) continue;
    for (const auto& [name, entry] : containers.items()) {
      KubeletAssignment assignment;
      add(entry, assignment);
      if (assignment == KubeletAssignment()) continue;
      KubeletAssignment& all = assignments[{uid, name}];
      all.exclusive_cpus = all.exclusive_cpus | assignment.exclusive_cpus;
      all.memory_nodes = all.memory_nodes | assignment.memory_nodes;
    }
  }
  return absl::OkStatus();
}

// "10,86"
void AddCpus(const Json& entry, KubeletAssignment& assignment) {
  if (!entry.is_string()) return;
  auto cpus = CpuSet::Parse(entry.get<std::string>());
  if (cpus.ok()) assignment.exclusive_cpus = *std::move(cpus);
}

// [{"numaAffinity": [0], "type": "memory", ...}, ...]
void AddNodes(const Json& entry, KubeletAssignment& assignment) {
  if (!entry.is_array()) return;
  for (const Json& block : entry) {
    for (const Json& node : Member(block, "numaAffinity")) {
      if (!node.is_number_unsigned() || node.get<uint64_t>() > kMaxId) continue;
      assignment.memory_nodes.Insert(NodeId{static_cast<int>(node.get<uint64_t>())});
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<KnownContainer>> KubeletState::Read() {
  Assignments assignments;
  const absl::Status cpus = AddEntries(directory_ + "/cpu_manager_state", AddCpus, assignments);
  const absl::Status nodes =
      AddEntries(directory_ + "/memory_manager_state", AddNodes, assignments);
  // The file of a manager that is off, or that kubelet lacks (the memory manager before 1.21), may
  // be missing.
  if (!cpus.ok() && !(absl::IsNotFound(cpus) && nodes.ok())) return cpus;
  if (!nodes.ok() && !absl::IsNotFound(nodes)) return nodes;
  std::vector<KnownContainer> known;
  for (auto& [key, assignment] : assignments) {
    known.push_back({"", key.first, {{"", "", key.second}, {}, std::move(assignment)}});
  }
  return known;
}

}  // namespace numalocality
