#include "agent/cli/localityctl/status_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/cli/localityctl/policies_text.h"
#include "agent/cli/localityctl/words.h"

namespace numalocality::localityctl {
namespace {

constexpr int kNameLength = 20;
constexpr size_t kMaxValueLength = 76;

std::string Or(const std::string& text, absl::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

absl::string_view YesNo(bool value) { return value ? "yes" : "no"; }

absl::string_view SeccompWord(v1::SeccompMode mode) {
  switch (mode) {
    case v1::SECCOMP_MODE_DISABLED: return "no filter";
    case v1::SECCOMP_MODE_STRICT: return "strict";
    case v1::SECCOMP_MODE_FILTER: return "a filter";
    default: return "unknown";
  }
}

std::string SourceWords(const v1::Source& source) {
  switch (source.state()) {
    case v1::SOURCE_STATE_ABSENT:
      return source.address().empty() ? "not configured"
                                      : absl::StrCat("not there: ", source.address());
    case v1::SOURCE_STATE_OK: return absl::StrCat(source.message(), " at ", source.address());
    case v1::SOURCE_STATE_ERROR: return absl::StrCat("does not answer at ", source.address());
    default: return "unknown";
  }
}

absl::string_view SeverityWord(v1::FindingSeverity severity) {
  switch (severity) {
    case v1::FINDING_SEVERITY_ERROR: return "ERROR";
    case v1::FINDING_SEVERITY_WARNING: return "WARNING";
    default: return "note";
  }
}

// In lines that fit a terminal, all but the first one indented like the values.
std::string WrappedWords(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string text;
  size_t line_length = 0;
  for (const std::string& word : words) {
    if (line_length + word.size() > kMaxValueLength) {
      absl::StrAppend(&text, "\n", std::string(kNameLength + 1, ' '));
      line_length = 0;
    } else if (!text.empty()) {
      text += " ";
    }
    text += word;
    line_length += word.size() + 1;
  }
  return text;
}

}  // namespace

std::string StatusText(const v1::GetStatusResponse& status) {
  std::string text;
  const auto add = [&text](absl::string_view name, absl::string_view value) {
    absl::StrAppendFormat(&text, "%-*s %s\n", kNameLength, name, value);
  };
  add("Agent", absl::StrCat("version ", status.version()));
  add("Kernel", status.kernel_release());
  add("Pages found by", Or(ScanMethodWord(status.scan_method()), "unknown"));
  add("Capabilities", Or(WrappedWords(status.capabilities()), "none"));
  add("Seccomp", SeccompWord(status.seccomp_mode()));
  add("Memory nodes",
      absl::StrCat(IdList(status.memory_node_ids()), ", of which the agent may use ",
                   Or(IdList(status.allowed_node_ids()), "none")));
  add("Host's processes", YesNo(status.host_pid_namespace()));
  add("Security modules", Or(WrappedWords(status.security_modules()), "unknown"));
  add("cgroup version",
      status.cgroup_version() == 0 ? "none mounted" : absl::StrCat(status.cgroup_version()));
  add("cgroup driver", Or(status.cgroup_driver(), "unknown, as there are no pods"));
  add("PAGEMAP_SCAN", YesNo(status.pagemap_scan()));
  add("NUMA balancing", status.numa_balancing() ? "on" : "off");
  add("Huge pages", Or(status.transparent_huge_pages(), "unknown"));
  add("Configuration", ConfigurationWords(status.configuration()));
  for (const v1::Source& source : status.sources()) {
    std::string name = source.name();
    if (!name.empty()) name[0] = absl::ascii_toupper(static_cast<unsigned char>(name[0]));
    add(name, SourceWords(source));
  }
  text += "\n";
  for (const v1::Finding& finding : status.findings()) {
    absl::StrAppend(&text, SeverityWord(finding.severity()), ": ", finding.message(), ".\n  ",
                    finding.advice(), ".\n");
  }
  return text + (IsFit(status) ? "The agent can do its job.\n" : "The agent cannot do its job.\n");
}

bool IsFit(const v1::GetStatusResponse& status) {
  return std::none_of(status.findings().begin(), status.findings().end(), [](const auto& finding) {
    return finding.severity() == v1::FINDING_SEVERITY_ERROR;
  });
}

}  // namespace numalocality::localityctl
