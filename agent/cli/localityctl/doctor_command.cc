#include "agent/cli/localityctl/doctor_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/words.h"

namespace numalocality::localityctl {
namespace {

constexpr int kNameLength = 20;
constexpr size_t kMaxValueLength = 76;

std::string Or(const std::string& text, absl::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

absl::string_view YesNo(bool value) { return value ? "yes" : "no"; }

std::string SourceWords(const v1::Source& source) {
  switch (source.state()) {
    case v1::SOURCE_STATE_ABSENT:
      return source.address().empty() ? "not configured"
                                      : absl::StrCat("not found: ", source.address());
    case v1::SOURCE_STATE_OK: return absl::StrCat(source.message(), " at ", source.address());
    case v1::SOURCE_STATE_ERROR: return absl::StrCat("does not answer at ", source.address());
    default: return "unknown";
  }
}

// The words in lines that fit a terminal. All lines except the first are indented like the values.
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

using Answer = AgentAnswer<v1::GetStatusResponse>;

absl::StatusOr<ExitCode> DoctorOfAll(const GlobalOptions& globals) {
  NL_ASSIGN_OR_RETURN(const AllAgents agents, AllAgents::Find(globals));
  auto answers =
      agents.Ask<v1::GetStatusResponse>([](AgentClient& agent) { return agent.GetStatus(); });
  const bool all_fit = std::all_of(answers.begin(), answers.end(), [](const Answer& answer) {
    return !answer.response.ok() || IsFit(*answer.response);
  });
  const ExitCode printed = PrintAnswers<v1::GetStatusResponse>(
      std::move(answers), globals.output, [](const std::vector<Answer>& good) {
        return SectionsText<v1::GetStatusResponse>(good, StatusText);
      });
  return all_fit ? printed : kExitNotMigrated;
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
  add("Seccomp", Or(SeccompWord(status.seccomp_mode()), "unknown"));
  add("Memory nodes",
      absl::StrCat(IdList(status.memory_node_ids()), ", of which the agent may use ",
                   Or(IdList(status.allowed_node_ids()), "none")));
  add("Host PID namespace", YesNo(status.host_pid_namespace()));
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
  return text +
         (IsFit(status) ? "The agent can do its work.\n" : "The agent cannot do its work.\n");
}

bool IsFit(const v1::GetStatusResponse& status) {
  return std::none_of(status.findings().begin(), status.findings().end(), [](const auto& finding) {
    return finding.severity() == v1::FINDING_SEVERITY_ERROR;
  });
}

Command DoctorCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments = app.add_subcommand(
      "doctor", "Show what the agent can do here, what prevents it, and what to do");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    if (globals.calls_many()) return DoctorOfAll(globals);
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto status, client.GetStatus());
    std::cout << Render(status, globals.output, [&] { return StatusText(status); });
    return IsFit(status) ? kExitSuccess : kExitNotMigrated;
  };
  return {arguments, run};
}

}  // namespace numalocality::localityctl
