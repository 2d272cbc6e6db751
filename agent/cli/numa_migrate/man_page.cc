#include "agent/cli/numa_migrate/man_page.h"

#include <CLI/CLI.hpp>
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "agent/base/version.h"

namespace numalocality::numa_migrate {
namespace {

// Literal text: hyphens stay hyphens when copied, and backslashes start no escape.
std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
}

// A line that begins with a dot or an apostrophe would be a request.
std::string EscapedLine(absl::string_view line) {
  const bool is_request = !line.empty() && (line[0] == '.' || line[0] == '\'');
  return absl::StrCat(is_request ? "\\&" : "", Escaped(line));
}

// "--bandwidth,--throttle" with each name in bold.
std::string BoldNames(const CLI::Option& option) {
  return absl::StrCat(
      "\\fB", absl::StrReplaceAll(Escaped(option.get_name(false, true)), {{",", "\\fR, \\fB"}}),
      "\\fR");
}

// The options of one group: for each .TP, the names in bold, the value in italics, the description.
std::string OptionsText(const CLI::App& app, const std::string& group) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group() != group) continue;
    absl::StrAppend(&text, ".TP\n", BoldNames(*option));
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
