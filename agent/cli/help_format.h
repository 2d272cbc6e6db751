// The appearance of --help of both commands.
#ifndef NUMALOCALITY_AGENT_CLI_HELP_FORMAT_H_
#define NUMALOCALITY_AGENT_CLI_HELP_FORMAT_H_

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"

namespace numalocality {

// Formats --help with descriptions wrapped to the width of a terminal.
class HelpFormat final : public CLI::Formatter {
 public:
  HelpFormat() { column_width(kDescriptionColumn); }

 private:
  static constexpr size_t kDescriptionColumn = 31;
  static constexpr size_t kWidth = 100;

  // Only the type of the value. Which options it excludes or needs is in the error messages.
  std::string make_option_opts(const CLI::Option* option) const override {
    const bool has_value = option->get_expected_max() > 0 && !option->get_positional();
    return has_value ? " " + option->get_type_name() : "";
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string description = option->get_description();
    if (!option->get_envname().empty()) description += "; environment: " + option->get_envname();
    std::string text;
    size_t column = kDescriptionColumn;
    for (const std::string& word :
         std::vector<std::string>(absl::StrSplit(description, ' ', absl::SkipEmpty()))) {
      const bool fits = column + 1 + word.size() <= kWidth;
      if (!text.empty()) text += fits ? ' ' : '\n';
      column = fits ? column + 1 + word.size() : kDescriptionColumn + word.size();
      text += word;
    }
    return text;
  }

  // One empty line between groups, not two.
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    const std::string text =
        Formatter::make_group(std::move(group), is_positional, std::move(options));
    return text.substr(1) + (is_positional ? "\n" : "");
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return Formatter::make_usage(app, std::move(name)) + "\n";
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_HELP_FORMAT_H_
