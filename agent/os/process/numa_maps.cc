#include "agent/os/process/numa_maps.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Above any value of a real mapping, and small enough that products do not overflow.
constexpr int64_t kMostPages = int64_t{1} << 40;
constexpr int64_t kMostPageKib = int64_t{1} << 22;

// Longer than any list of nodes; of a longer path, which no caller needs, the rest is dropped.
constexpr size_t kMostWordBytes = 8192;

// Parses a word such as "bind:0-1", "prefer=static:1" or "default". "prefer (many):0-1" is two
// words: the first has the mode, the second the nodes.
absl::Status ParsePolicy(absl::string_view word, NumaMapping& mapping) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(word, absl::MaxSplits(':', 1));
  if (mapping.policy.empty()) {
    const absl::string_view mode = parts.first.substr(0, parts.first.find('='));
    mapping.policy = std::string(mode);
  }
  NL_ASSIGN_OR_RETURN(mapping.policy_nodes, NodeSet::Parse(parts.second));
  return absl::OkStatus();
}

// Adds the pages of a word such as "N1=42". False if the word is something else.
bool ParseNodePages(absl::string_view word, std::map<NodeId, int64_t>& pages) {
  if (!absl::ConsumePrefix(&word, "N")) return false;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(word, absl::MaxSplits('=', 1));
  NodeId node;
  int64_t count = 0;
  if (!absl::SimpleAtoi(parts.first, &node.value) || node.value < 0 ||
      !absl::SimpleAtoi(parts.second, &count) || count < 0 || count > kMostPages) {
    return false;
  }
  pages[node] += count;
  return true;
}

absl::StatusOr<NumaMapping> ParseLine(absl::string_view line) {
  NumaMapping mapping;
  int64_t page_kib = 0;
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  const bool starts_well = words.size() >= 2 && absl::SimpleHexAtoi(words[0], &mapping.start);
  if (!starts_well) {
    return absl::InvalidArgumentError(absl::StrCat("numa_maps: bad line '", LogSafe(line), "'"));
  }
  for (size_t i = 1; i < words.size(); ++i) {
    absl::string_view word = words[i];
    // The kernel escapes spaces in a file's path, so a path is always one word.
    if (i == 1 || (i == 2 && absl::StartsWith(word, "("))) {
      NL_RETURN_IF_ERROR(ParsePolicy(word, mapping));
    } else if (absl::ConsumePrefix(&word, "kernelpagesize_kB=")) {
      if (!absl::SimpleAtoi(word, &page_kib) || page_kib < 0 || page_kib > kMostPageKib) {
        return absl::InvalidArgumentError(absl::StrCat("numa_maps: bad page size '", word, "'"));
      }
    } else {
      ParseNodePages(word, mapping.bytes_on);
    }
  }
  for (auto& [node, pages] : mapping.bytes_on) pages *= page_kib * 1024;
  return mapping;
}

// Reads the first line of a sequence file in /proc byte by byte: the kernel formats as many lines
// as fit into the reader's buffer, and for a buffer of one byte only one line.
absl::StatusOr<std::string> ReadFirstLine(const std::string& path) {
  constexpr size_t kMostBytes = 8192;  // a path has at most half of that
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  std::string line;
  while (line.size() < kMostBytes) {
    char byte = 0;
    const ssize_t got = read(fd.get(), &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("read ", path));
    if (got == 0 || byte == '\n') break;
    line += byte;
  }
  return line;
}

}  // namespace

absl::StatusOr<std::vector<NumaMapping>> ParseNumaMaps(absl::string_view text) {
  std::vector<NumaMapping> mappings;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    NL_ASSIGN_OR_RETURN(NumaMapping mapping, ParseLine(line));
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

absl::Status VisitNumaMaps(const Host& host, pid_t pid, ReadBudget& budget,
                           absl::FunctionRef<void(const NumaMapping&)> visit) {
  std::string line;
  size_t word_bytes = 0;
  absl::Status bad;
  const auto end_line = [&] {
    const auto mapping = ParseLine(line);
    line.clear();
    word_bytes = 0;
    bad = mapping.status();
    if (mapping.ok()) visit(*mapping);
  };
  const std::string path = absl::StrCat(host.proc, "/", pid, "/numa_maps");
  NL_RETURN_IF_ERROR(VisitFileAt(AT_FDCWD, path, budget, [&](absl::string_view part) {
    for (const char byte : part) {
      if (byte == '\n') {
        end_line();
        if (!bad.ok()) return false;
        continue;
      }
      word_bytes = byte == ' ' ? 0 : word_bytes + 1;
      if (word_bytes <= kMostWordBytes) line += byte;
    }
    return true;
  }));
  if (bad.ok() && !line.empty()) end_line();
  return bad;
}

absl::StatusOr<NodeSet> ReadPolicyNodes(const Host& host, const ProcessHandle& process,
                                        ReadBudget& budget) {
  NL_ASSIGN_OR_RETURN(const Mapping lowest, process.ReadFirstMapping(budget));
  if (lowest.range.size() > kMostWalkedBytes) {
    return absl::FailedPreconditionError(absl::StrCat(
        "process ", process.pid(), ": its first mapping is too large to read from numa_maps"));
  }
  NL_ASSIGN_OR_RETURN(const std::string line,
                      ReadFirstLine(absl::StrCat(host.proc, "/", process.pid(), "/numa_maps")));
  NL_ASSIGN_OR_RETURN(const std::vector<NumaMapping> first, ParseNumaMaps(line));
  if (first.empty() || process.Fate() != ProcessFate::kRunning) {
    return absl::NotFoundError(absl::StrCat("process ", process.pid(), ": has exited"));
  }
  return first.front().policy_nodes;
}

}  // namespace numalocality
