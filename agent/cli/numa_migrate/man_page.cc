#include "agent/cli/numa_migrate/man_page.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "agent/base/version.h"

namespace numalocality::numa_migrate {
namespace {

// Text as it is: hyphens that can be copied, no backslash that means something.
std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
}

// Lines that begin with a dot or an apostrophe would be requests.
std::string EscapedLine(absl::string_view line) {
  const bool is_request = !line.empty() && (line[0] == '.' || line[0] == '\'');
  return absl::StrCat(is_request ? "\\&" : "", Escaped(line));
}

// The options of one group: .TP, the names in bold and the value in italics, the description.
std::string OptionsText(const CLI::App& app, const std::string& group) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group() != group) continue;
    absl::StrAppend(&text, ".TP\n\\fB", Escaped(option->get_name(false, true)), "\\fR");
    if (option->get_expected_max() > 0) {
      absl::StrAppend(&text, " \\fI", Escaped(option->get_type_name()), "\\fR");
    }
    absl::StrAppend(&text, "\n", EscapedLine(option->get_description()), "\n");
  }
  return text;
}

std::string Subcommand(const CLI::App& app) {
  std::string text =
      absl::StrCat(".SS ", Escaped(app.get_name()), "\n", EscapedLine(app.get_description()), "\n");
  for (const std::string& group : app.get_groups()) absl::StrAppend(&text, OptionsText(app, group));
  return text;
}

}  // namespace

std::string ManPage(const CLI::App& app) {
  const std::string name = app.get_name();
  std::string text =
      absl::StrCat(".TH ", absl::AsciiStrToUpper(Escaped(name)), " 1 \"\" \"", Escaped(name), " ",
                   kVersion, "\"\n.SH NAME\n", Escaped(name), " \\- ",
                   Escaped(app.get_description()), "\n.SH SYNOPSIS\n.B ", Escaped(name),
                   "\n[\\fIOPTIONS\\fR] [\\fISUBCOMMAND\\fR]\n.SH OPTIONS\n");
  for (const std::string& group : app.get_groups()) {
    const std::string options = OptionsText(app, group);
    if (!group.empty() && !options.empty()) absl::StrAppend(&text, ".SS ", group, "\n", options);
  }
  absl::StrAppend(&text, ".SH SUBCOMMANDS\n");
  for (const CLI::App* subcommand : app.get_subcommands({})) {
    absl::StrAppend(&text, Subcommand(*subcommand));
  }
  absl::StrAppend(&text, ".SH NOTES\n.nf\n");
  for (const absl::string_view line : absl::StrSplit(app.get_footer(), '\n')) {
    absl::StrAppend(&text, EscapedLine(line), "\n");
  }
  return absl::StrCat(text, ".fi\n");
}

}  // namespace numalocality::numa_migrate
