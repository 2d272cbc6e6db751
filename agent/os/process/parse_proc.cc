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

// Removes the next space-separated word from `text` and returns it.
absl::string_view TakeWord(absl::string_view& text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  const absl::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

// Parses "start-end perms offset dev inode   path". The path may be missing or contain spaces.
bool ParseFields(absl::string_view line, const MemoryFileSystems& mounts, Mapping& mapping) {
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

// Lines look like "36 35 98:0 /root /mount/point options optional... - type source options". Spaces
// in paths are escaped as \040.
void MountinfoParser::Add(absl::string_view part) {
  constexpr size_t kKeptOfLine = 100;  // for the error message
  constexpr size_t kKeptOfWord = 32;   // longer than any that matters
  for (const char c : part) {
    if (c == '\n') {
      EndLine();
      continue;
    }
    if (line_.size() < kKeptOfLine) line_ += c;
    if (c == ' ') {
      EndWord();
    } else if (c == ',') {
      EndOption();
    } else if (word_.size() < kKeptOfWord) {
      word_ += c;
    }
  }
}

void MountinfoParser::EndOption() {
  // The third word behind the dash lists the file system's options. With these, files are mapped
  // directly from persistent memory.
  if (after_dash_ == 2 && (word_ == "dax" || word_ == "dax=always")) has_dax_ = true;
  word_.clear();
}

void MountinfoParser::EndWord() {
  if (word_count_ == 2) {
    const std::pair<absl::string_view, absl::string_view> numbers =
        absl::StrSplit(word_, absl::MaxSplits(':', 1));
    has_device_ = absl::SimpleAtoi(numbers.first, &device_.major) &&
                  absl::SimpleAtoi(numbers.second, &device_.minor);
  }
  ++word_count_;
  if (after_dash_ == kBeforeDash) {
    if (word_ == "-") after_dash_ = 0;
    word_.clear();
    return;
  }
  if (after_dash_ == 0) type_ = word_;
  EndOption();
  ++after_dash_;
}

void MountinfoParser::EndLine() {
  if (line_.empty()) return;
  EndWord();
  if (!has_device_ || type_.empty()) {
    if (bad_line_.empty()) bad_line_ = line_;
  } else {
    if (type_ == "hugetlbfs") mounts_.hugetlbfs.insert(device_);
    if (type_ == "tmpfs" || type_ == "devtmpfs") mounts_.tmpfs.insert(device_);
    if (has_dax_ || type_ == "sysfs") mounts_.devices.insert(device_);
  }
  line_.clear();
  type_.clear();
  word_count_ = 0;
  after_dash_ = kBeforeDash;
  has_device_ = has_dax_ = false;
}

absl::StatusOr<MemoryFileSystems> MountinfoParser::Finish() {
  EndLine();
  if (bad_line_.empty()) return std::move(mounts_);
  return absl::InvalidArgumentError(absl::StrCat("process mountinfo: bad line '", bad_line_, "'"));
}

Backing BackingOf(absl::string_view name, const DeviceId& device,
                  const MemoryFileSystems& file_systems) {
  if (file_systems.hugetlbfs.contains(device)) return Backing::kHugetlb;
  if (file_systems.devices.contains(device)) return Backing::kSpecial;
  if (absl::StartsWith(name, "/")) {
    // The process can choose the path, so this only decides what the device leaves open.
    if (!file_systems.tmpfs.contains(device)) return Backing::kFile;
    const bool may_be_device = absl::StartsWith(name, "/dev/") &&
                               !absl::StartsWith(name, "/dev/shm/") &&
                               !absl::StartsWith(name, "/dev/zero");
    return may_be_device ? Backing::kSpecial : Backing::kShmem;
  }
  if (name.empty() || absl::StartsWith(name, "[anon:")) return Backing::kAnonymous;
  if (name == "[heap]") return Backing::kHeap;
  if (absl::StartsWith(name, "[stack")) return Backing::kStack;
  if (absl::StartsWith(name, "[anon_shmem:")) return Backing::kShmem;
  if (absl::StartsWith(name, "[") || absl::StartsWith(name, "anon_inode:")) {
    return Backing::kSpecial;
  }
  return file_systems.tmpfs.contains(device) ? Backing::kShmem : Backing::kFile;
}

absl::StatusOr<Mapping> ParseMapsLine(absl::string_view line,
                                      const MemoryFileSystems& file_systems) {
  Mapping mapping;
  if (ParseFields(line, file_systems, mapping)) return mapping;
  return absl::InvalidArgumentError(
      absl::StrCat("process maps: bad line '", line.substr(0, 100), "'"));
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
