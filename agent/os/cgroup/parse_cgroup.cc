#include "agent/os/cgroup/parse_cgroup.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace numalocality {
namespace {

bool IsLowerHex(absl::string_view text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Parses a pod's UID into the form of the Kubernetes API: 8-4-4-4-12 hex digits, whose dashes the
// systemd driver replaces by underscores, or 32 hex digits for a static pod.
std::optional<std::string> ParsePodUid(absl::string_view text) {
  if (IsLowerHex(text, 32)) return std::string(text);
  std::string uid = absl::StrReplaceAll(text, {{"_", "-"}});
  const std::vector<absl::string_view> groups = absl::StrSplit(uid, '-');
  static constexpr size_t kLengths[] = {8, 4, 4, 4, 12};
  if (groups.size() != std::size(kLengths)) return std::nullopt;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!IsLowerHex(groups[i], kLengths[i])) return std::nullopt;
  }
  return uid;
}

QosClass QosOf(absl::string_view name) {
  if (absl::StrContains(name, "burstable")) return QosClass::kBurstable;
  if (absl::StrContains(name, "besteffort")) return QosClass::kBestEffort;
  return QosClass::kGuaranteed;
}

struct PodName {
  std::string uid;
  QosClass qos;
  bool is_systemd;  // the name is that of a slice
};

// Parses the name of a pod's cgroup: "pod<uid>" below the cgroup of its QoS class, or
// "kubepods[-<qos>]-pod<uid>.slice".
std::optional<PodName> ParsePodName(absl::string_view name, absl::string_view parent) {
  const bool is_slice = absl::ConsumeSuffix(&name, ".slice");
  const size_t pod = is_slice ? name.rfind("-pod") : 0;
  if (pod == absl::string_view::npos) return std::nullopt;
  absl::string_view uid_text = name.substr(is_slice ? pod + 1 : 0);
  if (!absl::ConsumePrefix(&uid_text, "pod")) return std::nullopt;
  const auto uid = ParsePodUid(uid_text);
  if (!uid.has_value()) return std::nullopt;
  return PodName{*uid, QosOf(is_slice ? name.substr(0, pod) : parent), is_slice};
}

// Parses the container id in the name of a container's cgroup, a child of the pod's cgroup.
std::optional<std::string> ParseContainerName(absl::string_view name, bool in_systemd_pod) {
  const bool is_scope = absl::ConsumeSuffix(&name, ".scope");
  for (const absl::string_view prefix : {"cri-containerd-", "crio-", "docker-", "libpod-"}) {
    if (!absl::ConsumePrefix(&name, prefix)) continue;
    // With systemd, "crio-<id>" without ".scope" is a pod sandbox without a process.
    if (in_systemd_pod && !is_scope) return std::nullopt;
    break;
  }
  if (!IsLowerHex(name, 64)) return std::nullopt;
  return std::string(name);
}

// Parses "<slice>:<prefix>:<id>": if kubelet uses the systemd driver and runc does not, runc makes
// one directory of the whole systemd-style name.
std::optional<ContainerRef> ParseMismatchedName(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, ':');
  if (parts.size() != 3 || !IsLowerHex(parts[2], 64)) return std::nullopt;
  const auto pod = ParsePodName(parts[0], "");
  if (!pod.has_value() || !pod->is_systemd) return std::nullopt;
  return ContainerRef{pod->uid, std::string(parts[2]), pod->qos};
}

// Adds the entry "N<node>=<count>", a count of units of `unit_bytes`. False if `word` has another
// form.
bool AddNodeEntry(absl::string_view word, MemoryKind kind, MemoryByNode& memory,
                  int64_t unit_bytes = 1) {
  std::pair<absl::string_view, absl::string_view> entry =
      absl::StrSplit(word, absl::MaxSplits('=', 1));
  int node = 0;
  int64_t count = 0;
  if (!absl::ConsumePrefix(&entry.first, "N") || !absl::SimpleAtoi(entry.first, &node) ||
      !absl::SimpleAtoi(entry.second, &count) || node < 0 || count < 0 ||
      count > std::numeric_limits<int64_t>::max() / unit_bytes) {
    return false;
  }
  memory.Add(NodeId{node}, kind, count * unit_bytes);
  return true;
}

absl::Status BadLine(absl::string_view file, absl::string_view line) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": bad line '", line.substr(0, 100), "'"));
}

}  // namespace

std::optional<ContainerCgroup> ParseContainerCgroup(absl::string_view path) {
  // A reader in its own cgroup namespace sees the cgroups of others with leading "..".
  while (absl::ConsumePrefix(&path, "/..")) {
  }
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  if (std::find(names.begin(), names.end(), "..") != names.end()) return std::nullopt;
  const auto found = [&](ContainerRef container, size_t depth) {
    return ContainerCgroup{std::move(container),
                           "/" + absl::StrJoin(names.begin(), names.begin() + depth, "/"),
                           depth < names.size()};
  };
  for (size_t i = 0; i < names.size(); ++i) {
    if (auto container = ParseMismatchedName(names[i])) return found(*std::move(container), i + 1);
    const auto pod = ParsePodName(names[i], i > 0 ? names[i - 1] : "");
    if (!pod.has_value()) continue;
    if (i + 1 == names.size()) return std::nullopt;
    const auto id = ParseContainerName(names[i + 1], pod->is_systemd);
    if (!id.has_value()) return std::nullopt;
    return found({pod->uid, *id, pod->qos}, i + 2);
  }
  return std::nullopt;
}

bool IsInPods(absl::string_view path) {
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  return std::any_of(names.begin(), names.end(), [](absl::string_view name) {
    // With kubelet's option cgroupRoot, the systemd driver prepends the root's name.
    return name == "kubepods" || name == "kubepods.slice" ||
           absl::EndsWith(name, "-kubepods.slice") || ParsePodName(name, "").has_value() ||
           ParseMismatchedName(name).has_value();
  });
}

absl::StatusOr<MemoryByNode> ParseNumaStat(absl::string_view text) {
  MemoryByNode memory;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    std::optional<MemoryKind> kind;
    if (absl::StartsWith(line, "anon ")) kind = MemoryKind::kAnon;
    if (absl::StartsWith(line, "file ")) kind = MemoryKind::kFile;
    if (absl::StartsWith(line, "shmem ")) kind = MemoryKind::kShmem;
    if (!kind.has_value()) continue;
    const absl::string_view entries = line.substr(line.find(' '));
    for (const absl::string_view word : absl::StrSplit(entries, ' ', absl::SkipEmpty())) {
      if (!AddNodeEntry(word, *kind, memory)) return BadLine("memory.numa_stat", line);
    }
  }
  // The kernel's "file" includes shmem; the kinds here do not overlap. The kernel updates the two
  // counters one after the other, so the difference may be slightly negative.
  for (auto& [node, bytes] : memory.nodes) {
    bytes[MemoryKind::kFile] =
        std::max(int64_t{0}, bytes[MemoryKind::kFile] - bytes[MemoryKind::kShmem]);
  }
  return memory;
}

absl::StatusOr<MemoryByNode> ParseNumaStatV1(absl::string_view text, int64_t page_bytes) {
  MemoryByNode memory;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    std::optional<MemoryKind> kind;
    if (absl::StartsWith(line, "hierarchical_anon=")) kind = MemoryKind::kAnon;
    if (absl::StartsWith(line, "hierarchical_unevictable=")) kind = MemoryKind::kAnon;
    if (absl::StartsWith(line, "hierarchical_file=")) kind = MemoryKind::kFile;
    if (!kind.has_value()) continue;
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    words.erase(words.begin());  // the total of all nodes
    for (const absl::string_view word : words) {
      if (!AddNodeEntry(word, *kind, memory, page_bytes)) return BadLine("memory.numa_stat", line);
    }
  }
  return memory;
}

absl::StatusOr<MemoryByNode> ParseHugetlbNumaStat(absl::string_view text) {
  MemoryByNode memory;
  text = absl::StripAsciiWhitespace(text);
  // On cgroup v1, a line for the cgroup without its descendants precedes it.
  if (const size_t end = text.rfind('\n'); end != text.npos) text.remove_prefix(end + 1);
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (absl::StartsWith(word, "total=") || absl::StartsWith(word, "hierarchical_total=")) continue;
    if (!AddNodeEntry(word, MemoryKind::kHugetlb, memory)) {
      return BadLine("hugetlb numa_stat", text);
    }
  }
  return memory;
}

absl::StatusOr<std::vector<pid_t>> ParseCgroupProcs(absl::string_view text, int& hidden_count) {
  std::set<pid_t> pids;
  hidden_count = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(line, &pid) || pid < 0) {
      return BadLine("cgroup.procs", line);
    }
    if (pid == 0) {
      ++hidden_count;
    } else {
      pids.insert(pid);
    }
  }
  return std::vector<pid_t>(pids.begin(), pids.end());
}

}  // namespace numalocality
