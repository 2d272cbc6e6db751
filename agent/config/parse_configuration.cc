#include "agent/config/parse_configuration.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/status.h"
#include "agent/config/field.h"
#include "agent/config/yaml_tree.h"
#include "agent/os/cgroup/parse_cgroup.h"

namespace numalocality {
namespace {

constexpr size_t kMaxNameLength = 63;     // as in Kubernetes
constexpr char kTurnedOff[] = "off";      // in an annotation, instead of a policy's name
constexpr int kMostMigrations = 64;       // concurrent ones
constexpr int kFarthestDistance = 254;    // in a SLIT, 255 means unreachable
constexpr int kMostContainers = 100'000;  // with series of their own
constexpr int kMostDevices = 10'000;      // kubelet runs some hundred pods

bool IsName(absl::string_view text, absl::string_view punctuation) {
  return !text.empty() && text.size() <= kMaxNameLength &&
         std::all_of(text.begin(), text.end(), [punctuation](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::StrContains(punctuation, absl::string_view(&c, 1));
         });
}

absl::Status CheckPolicyName(absl::string_view name) {
  if (name == kTurnedOff) {
    return absl::InvalidArgumentError(
        "must not be 'off', because a pod's annotation 'off' turns repairs off");
  }
  if (IsName(name, "-_.")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be 1 to 63 letters, digits, '-', '_' or '.', because pods' annotations contain it");
}

absl::Status CheckNamespace(absl::string_view name) {
  if (IsName(name, "-") && name == absl::AsciiStrToLower(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be names of namespaces: 1 to 63 lower-case letters, digits or '-'");
}

absl::Status CheckCgroupPath(absl::string_view path) {
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/');
  const bool is_path = names.size() > 1 && names[0].empty() &&
                       std::none_of(names.begin() + 1, names.end(), [](absl::string_view name) {
                         return name.empty() || name == "." || name == "..";
                       });
  if (!is_path) {
    return absl::InvalidArgumentError(
        "must be paths below /sys/fs/cgroup that begin with '/', such as "
        "/system.slice/postgresql.service");
  }
  // A policy by path would ignore protected namespaces and the pods' annotations.
  if (!IsInPods(path)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be outside Kubernetes' cgroups; to select pods, use namespaces, matchLabels or "
      "qosClasses, or leave the selector out");
}

absl::Status CheckFilePath(absl::string_view path) {
  if (path.empty() || path[0] == '/') return absl::OkStatus();
  return absl::InvalidArgumentError("must be a path that begins with '/', or \"\" for none");
}

absl::Status CheckListenAddress(absl::string_view address) {
  return address.empty() ? absl::OkStatus() : ParseHttpAddress(address).status();
}

absl::Status CheckIdentity(absl::string_view identity) {
  if (IsPrintableIdentity(identity)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be the identity in a client's certificate: its URI, such as spiffe://cluster/shop, "
      "else its first DNS name, else its common name");
}

FieldFormat NamespaceName(std::string& out) { return Text(out, CheckNamespace); }
FieldFormat CgroupPath(std::string& out) { return Text(out, CheckCgroupPath); }
FieldFormat FilePath(std::string& out) { return Text(out, CheckFilePath); }

FieldFormat Selector(PolicySelector& out) {
  const auto check = [](absl::string_view, const YamlNode& node) {
    if (const YamlNode* paths = node.Find("cgroupPaths"); paths != nullptr && node.map.size() > 1) {
      return FieldError("cgroupPaths", *paths,
                        "selects cgroups outside Kubernetes, and cannot be combined with "
                        "namespaces, matchLabels or qosClasses; move it to a separate policy");
    }
    return absl::OkStatus();
  };
  return Map({{"namespaces", FilledList<std::string>(out.namespaces, NamespaceName)},
              {"matchLabels", TextMap(out.match_labels)},
              {"qosClasses", FilledList<QosClass>(out.qos_classes, OneOf<QosClass>)},
              {"cgroupPaths", FilledList<std::string>(out.cgroup_paths, CgroupPath)}},
             check);
}

FieldFormat PolicyLimits(LocalityPolicy& out) {
  // With a shorter limit, batches are single pages, each with the overhead of a whole call.
  constexpr absl::Duration kShortestCall = absl::Microseconds(100);
  return Map({{"bandwidth", Bandwidth(out.bytes_per_second)},
              {"maxCallTime", TimeSpan(out.longest_call, kShortestCall)}});
}

absl::Status CheckByAnnotation(const LocalityPolicy& policy, const YamlNode& node) {
  if (policy.by_annotation == AnnotationRule::kNone) return absl::OkStatus();
  const YamlNode& rule = *node.Find("byAnnotation");
  if (!policy.selector.cgroup_paths.empty()) {
    return FieldError("byAnnotation", rule,
                      "cannot be combined with cgroupPaths, which select no pods; leave it out");
  }
  if (policy.by_annotation == AnnotationRule::kNamespace && policy.selector.namespaces.empty()) {
    return FieldError("byAnnotation", rule,
                      "'namespace' needs selector.namespaces, which list the namespaces; add them, "
                      "or write 'any'");
  }
  return absl::OkStatus();
}

FieldFormat Policy(LocalityPolicy& out) {
  const auto check = [&out](absl::string_view key, const YamlNode& node) {
    if (out.name.empty()) return FieldError(key, node, "name is missing; each policy needs one");
    return CheckByAnnotation(out, node);
  };
  return Map({{"name", Text(out.name, CheckPolicyName)},
              {"selector", Selector(out.selector)},
              {"action", OneOf(out.action)},
              {"minLocalFraction", Fraction(out.min_local_fraction)},
              {"minRemoteBytes", Bytes(out.min_remote_bytes)},
              {"settle", TimeSpan(out.settle, absl::ZeroDuration())},
              {"cooldown", TimeSpan(out.cooldown, absl::ZeroDuration())},
              {"shared", OneOf(out.sharing)},
              {"pageCache", Boolean(out.page_cache)},
              {"byAnnotation", OneOf(out.by_annotation)},
              {"stick", OneOf(out.stick)},
              {"limits", PolicyLimits(out)}},
             check);
}

// How two cgroups overlap, for an error message.
std::string Relation(const std::string& path, const std::string& earlier) {
  if (path == earlier) return "occurs twice";
  if (IsWithin(path, earlier)) return absl::StrCat("is within '", earlier, "'");
  return absl::StrCat("contains '", earlier, "'");
}

// A process within two of the cgroups would belong to two workloads.
absl::Status CheckNoNesting(const YamlNode& policies) {
  std::vector<std::string> earlier;
  for (const YamlNode& policy : policies.list) {
    const YamlNode* const selector = policy.Find("selector");
    const YamlNode* const paths = selector == nullptr ? nullptr : selector->Find("cgroupPaths");
    if (paths == nullptr) continue;
    for (const YamlNode& path : paths->list) {
      for (const std::string& other : earlier) {
        if (!IsWithin(path.text, other) && !IsWithin(other, path.text)) continue;
        return FieldError("cgroupPaths", path,
                          absl::StrCat("'", path.text, "' ", Relation(path.text, other),
                                       "; list each cgroup once, and none within another"));
      }
      earlier.push_back(path.text);
    }
  }
  return absl::OkStatus();
}

FieldFormat Policies(std::vector<LocalityPolicy>& out) {
  const FieldFormat list = List<LocalityPolicy>(out, Policy);
  const auto read = [&out, list](absl::string_view key, const YamlNode& node) -> absl::Status {
    NL_RETURN_IF_ERROR(list.read(key, node));
    NL_RETURN_IF_ERROR(CheckNoNesting(node));
    for (size_t i = 0; i < out.size(); ++i) {
      const auto same_name = [&](const LocalityPolicy& earlier) {
        return earlier.name == out[i].name;
      };
      if (std::any_of(out.begin(), out.begin() + static_cast<ptrdiff_t>(i), same_name)) {
        return FieldError(
            "name", *node.list[i].Find("name"),
            absl::StrCat("'", out[i].name,
                         "' is also the name of an earlier policy; use another name"));
      }
    }
    return absl::OkStatus();
  };
  return {read, list.write};
}

// A share of each node's memory, or a map from node ids, and "default" for the other nodes.
FieldFormat Reserve(NodeReserve& out) {
  const auto read = [&out](absl::string_view key, const YamlNode& node) -> absl::Status {
    if (node.kind != YamlNode::Kind::kMap) return Share(out.of_each).read(key, node);
    for (const YamlEntry& entry : node.map) {
      NodeId id;
      if (entry.key == "default") {
        NL_RETURN_IF_ERROR(Share(out.of_each).read(entry.key, entry.value));
      } else if (absl::SimpleAtoi(entry.key, &id.value) && id.value >= 0) {
        NL_RETURN_IF_ERROR(Share(out.of_node[id]).read(entry.key, entry.value));
      } else {
        return ErrorAt(entry.position,
                       absl::StrCat("'", entry.key, "' is neither a node's number nor 'default'"));
      }
    }
    return absl::OkStatus();
  };
  const auto write = [&out] {
    const std::string of_each = Share(out.of_each).write();
    if (out.of_node.empty()) return of_each;
    std::string json = absl::StrCat(R"({"default":)", of_each);
    for (auto& [id, share] : out.of_node) {
      absl::StrAppend(&json, ",", JsonText(absl::StrCat(id.value)), ":", Share(share).write());
    }
    return absl::StrCat(json, "}");
  };
  return {read, write};
}

FieldFormat Limits(AgentLimits& out) {
  return Map({{"bandwidth", Bandwidth(out.bytes_per_second)},
              {"concurrentMigrations", WholeNumber(out.concurrent_migrations, 1, kMostMigrations)},
              {"nodeReserve", Reserve(out.room.reserve)},
              {"reclaimCache", Fraction(out.room.reclaim_cache)}});
}

FieldFormat Http(HttpOptions& out) {
  return Map({{"address", Text(out.address, CheckListenAddress)},
              {"containerSeries", Boolean(out.container_series)},
              {"maxContainers", WholeNumber(out.max_containers, 0, kMostContainers)}});
}

FieldFormat Client(ApiClient& out) {
  const auto check = [&out](absl::string_view key, const YamlNode& node) {
    if (out.identity.empty()) return FieldError(key, node, "identity is missing; name a client");
    if (node.Find("role") != nullptr) return absl::OkStatus();
    return FieldError(key, node, "role is missing; write viewer, migrator or admin");
  };
  return Map({{"identity", Text(out.identity, CheckIdentity)},
              {"role", OneOf(out.role)},
              {"namespaces", FilledList<std::string>(out.namespaces, NamespaceName)}},
             check);
}

FieldFormat Api(ApiOptions& out) {
  return Map({{"clients", List<ApiClient>(out.clients, Client)}});
}

FieldFormat Sources(SourceOptions& out) {
  return Map({{"criSocket", FilePath(out.cri_socket)},
              {"criEvents", Boolean(out.cri_events)},
              {"kubeletDir", FilePath(out.kubelet_dir)},
              {"podLogsDir", FilePath(out.pod_logs_dir)}});
}

absl::Status CheckSelfSocket(absl::string_view path) {
  // Its directory must be one of its own, because pods mount it.
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/');
  if (names.size() > 3 && names[0].empty() && !names.back().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be a path such as /run/numa-locality-self/self.sock, in a directory of its own");
}

FieldFormat Self(SelfOptions& out) {
  const auto check = [&out](absl::string_view, const YamlNode& node) {
    if (!out.device_plugin || out.enabled) return absl::OkStatus();
    return FieldError("devicePlugin", *node.Find("devicePlugin"),
                      "gives pods the self socket, which is not enabled; set enabled: true");
  };
  return Map({{"enabled", Boolean(out.enabled)},
              {"socket", Text(out.socket, CheckSelfSocket)},
              {"devicePlugin", Boolean(out.device_plugin)},
              {"devices", WholeNumber(out.devices, 1, kMostDevices)}},
             check);
}

absl::Status CheckDevicePlugin(const Configuration& configuration, const YamlNode& root) {
  if (!configuration.self.device_plugin || !configuration.sources.kubelet_dir.empty()) {
    return absl::OkStatus();
  }
  return FieldError("kubeletDir", *root.Find("sources")->Find("kubeletDir"),
                    "self.devicePlugin needs kubelet's directory; set it, or set devicePlugin to "
                    "false");
}

// The whole file. What has no format here can be neither set nor shown.
std::vector<Field> Sections(Configuration& configuration) {
  return {
      {"policies", Policies(configuration.policies)},
      {"limits", Limits(configuration.limits)},
      {"period", TimeSpan(configuration.period, absl::Seconds(1))},
      {"localDistance", WholeNumber(configuration.local_distance, 10, kFarthestDistance)},
      {"protectedNamespaces", List<std::string>(configuration.protected_namespaces, NamespaceName)},
      {"http", Http(configuration.http)},
      {"api", Api(configuration.api)},
      {"sources", Sources(configuration.sources)},
      {"self", Self(configuration.self)}};
}

bool IsSection(absl::string_view key) {
  Configuration unused;
  const std::vector<Field> sections = Sections(unused);
  return std::any_of(sections.begin(), sections.end(),
                     [key](const Field& section) { return section.key == key; });
}

}  // namespace

absl::StatusOr<Configuration> ParseConfiguration(absl::string_view text) {
  NL_ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text));
  Configuration configuration;
  if (root.kind == YamlNode::Kind::kNull) return configuration;
  NL_RETURN_IF_ERROR(Map(Sections(configuration)).read("configuration", root));
  NL_RETURN_IF_ERROR(CheckDevicePlugin(configuration, root));
  return configuration;
}

Configuration ParseValidSections(absl::string_view text) {
  Configuration configuration;
  const auto root = ParseYaml(text);
  if (!root.ok()) return configuration;
  bool knows_protected = true;
  for (const YamlEntry& entry : root->map) {
    YamlNode section = *root;
    section.map = {entry};
    Configuration with_section = configuration;
    if (Map(Sections(with_section)).read("configuration", section).ok()) {
      configuration = std::move(with_section);
    } else if (entry.key == "protectedNamespaces" || !IsSection(entry.key)) {
      knows_protected = false;  // the key may be a misspelled one
    }
  }
  configuration.policies.clear();
  if (!knows_protected) {
    configuration.api = {};
    configuration.self = {};
  }
  if (!CheckDevicePlugin(configuration, *root).ok()) configuration.self = {};
  return configuration;
}

std::string ToJson(const Configuration& configuration) {
  Configuration copy = configuration;  // formats also read, so they need variables
  return Map(Sections(copy)).write();
}

}  // namespace numalocality
