#include "agent/os/process/parse_proc.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace numalocality {
namespace {

Backing BackingOf(absl::string_view path, DeviceId device, const MemoryFileSystems& mounts) {
  if (mounts.hugetlbfs.contains(device)) return Backing::kHugetlb;
  if (mounts.devices.contains(device)) return Backing::kSpecial;
  if (path.empty() || absl::StartsWith(path, "[anon:")) return Backing::kAnonymous;
  if (path == "[heap]") return Backing::kHeap;
  if (absl::StartsWith(path, "[stack")) return Backing::kStack;
  if (absl::StartsWith(path, "[anon_shmem:") || absl::StartsWith(path, "/memfd:") ||
      absl::StartsWith(path, "/SYSV") || absl::StartsWith(path, "/dev/shm/") ||
      path == "/dev/zero (deleted)") {
    return Backing::kShmem;
  }
  if (absl::StartsWith(path, "/anon_hugepage") || absl::StartsWith(path, "/dev/hugepages")) {
    return Backing::kHugetlb;
  }
  if (path == "/dev/zero") return Backing::kAnonymous;
  if (path[0] == '[' || absl::StartsWith(path, "/dev/") || absl::StartsWith(path, "anon_inode:")) {
    return Backing::kSpecial;
  }
  return mounts.tmpfs.contains(device) ? Backing::kShmem : Backing::kFile;
}

// Removes the next space-separated word from `text` and returns it.
absl::string_view TakeWord(absl::string_view& text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  const absl::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

// Whether the mount options, such as "rw,dax=always", map files directly from persistent memory.
bool HasDax(absl::string_view options) {
  for (const absl::string_view option : absl::StrSplit(options, ',')) {
    if (option == "dax" || option == "dax=always") return true;
  }
  return false;
}

// Parses "start-end perms offset dev inode   path". The path may be missing or contain spaces.
bool ParseMapsLine(absl::string_view line, const MemoryFileSystems& mounts, Mapping& mapping) {
  const absl::string_view addresses = TakeWord(line);
  const size_t dash = addresses.find('-');
  if (dash == absl::string_view::npos ||
      !absl::SimpleHexAtoi(addresses.substr(0, dash), &mapping.range.start) ||
      !absl::SimpleHexAtoi(addresses.substr(dash + 1), &mapping.range.end) ||
      mapping.range.end <= mapping.range.start) {
    return false;
  }
  const absl::string_view permissions = TakeWord(line);
  if (permissions.size() != 4) return false;
  mapping.is_shared = permissions[3] == 's';
  TakeWord(line);  // offset
  const std::pair<absl::string_view, absl::string_view> numbers =
      absl::StrSplit(TakeWord(line), absl::MaxSplits(':', 1));
  DeviceId& device = mapping.file.device;
  if (!absl::SimpleHexAtoi(numbers.first, &device.major) ||
      !absl::SimpleHexAtoi(numbers.second, &device.minor) ||
      !absl::SimpleAtoi(TakeWord(line), &mapping.file.inode)) {
    return false;
  }
  mapping.backing = BackingOf(absl::StripLeadingAsciiWhitespace(line), device, mounts);
  return true;
}

}  // namespace

absl::StatusOr<ProcessStat> ParseStat(absl::string_view text) {
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  ProcessStat stat;
  if (open != absl::string_view::npos && close != absl::string_view::npos && open < close) {
    stat.command = std::string(text.substr(open + 1, close - open - 1));
    // The command is field 2 of proc(5), so the first of these fields is the state, field 3.
    const std::vector<absl::string_view> fields =
        absl::StrSplit(text.substr(close + 1), ' ', absl::SkipEmpty());
    const auto parse = [&fields](size_t field, auto& number) {
      return fields.size() > field - 3 && absl::SimpleAtoi(fields[field - 3], &number);
    };
    uint64_t user_ticks = 0;
    if (parse(14, user_ticks) && parse(15, stat.cpu_ticks) && parse(24, stat.resident_pages) &&
        parse(20, stat.thread_count) && parse(22, stat.start_ticks) && parse(26, stat.code_start) &&
        parse(28, stat.stack_start) && fields[0].size() == 1) {
      stat.cpu_ticks += user_ticks;
      stat.state = fields[0][0];
      return stat;
    }
  }
  return absl::InvalidArgumentError("process stat: not in the format of proc(5)");
}

absl::StatusOr<MemoryFileSystems> ParseMountinfo(absl::string_view text) {
  MemoryFileSystems mounts;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    // "36 35 98:0 /root /mount/point options optional... - type source options". Spaces in paths
    // are escaped as \040.
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    DeviceId device;
    std::pair<absl::string_view, absl::string_view> numbers;
    if (words.size() > 2) numbers = absl::StrSplit(words[2], absl::MaxSplits(':', 1));
    if (words.end() - dash < 2 || !absl::SimpleAtoi(numbers.first, &device.major) ||
        !absl::SimpleAtoi(numbers.second, &device.minor)) {
      return absl::InvalidArgumentError(
          absl::StrCat("process mountinfo: bad line '", line.substr(0, 100), "'"));
    }
    if (*(dash + 1) == "hugetlbfs") mounts.hugetlbfs.insert(device);
    if (*(dash + 1) == "tmpfs") mounts.tmpfs.insert(device);
    const bool is_dax = words.end() - dash > 3 && HasDax(*(dash + 3));
    if (is_dax || *(dash + 1) == "sysfs") mounts.devices.insert(device);
  }
  return mounts;
}

absl::StatusOr<std::vector<Mapping>> ParseMaps(absl::string_view text,
                                               const MemoryFileSystems& file_systems) {
  std::vector<Mapping> mappings;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    Mapping mapping;
    if (!ParseMapsLine(line, file_systems, mapping)) {
      return absl::InvalidArgumentError(
          absl::StrCat("process maps: bad line '", line.substr(0, 100), "'"));
    }
    mappings.push_back(mapping);
  }
  return mappings;
}

absl::StatusOr<std::string> ParseProcessCgroup(absl::string_view text) {
  absl::string_view v2;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || !absl::StartsWith(fields[2], "/")) continue;
    const std::vector<absl::string_view> controllers = absl::StrSplit(fields[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end())
      return std::string(fields[2]);
    if (fields[0] == "0" && fields[1].empty()) v2 = fields[2];
  }
  if (!v2.empty()) return std::string(v2);
  return absl::NotFoundError(
      "process cgroup: no line of cgroup v2 or of the memory controller of cgroup v1");
}

absl::StatusOr<std::string> ParseMemsAllowed(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "Mems_allowed_list:")) {
      return std::string(absl::StripAsciiWhitespace(line));
    }
  }
  return absl::NotFoundError("process status: no Mems_allowed_list");
}

absl::StatusOr<int64_t> ParseSwappedBytes(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, "VmSwap:")) continue;
    int64_t kilobytes = 0;
    if (absl::ConsumeSuffix(&line, "kB") && absl::SimpleAtoi(line, &kilobytes)) {
      return kilobytes * 1024;
    }
    return absl::InvalidArgumentError(absl::StrCat("process status: bad VmSwap '", line, "'"));
  }
  return absl::NotFoundError("process status: no VmSwap");
}

}  // namespace numalocality
