#include "agent/cli/localityctl/confirm.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/ascii.h"

namespace numalocality::localityctl {

absl::StatusOr<bool> Confirm(const std::string& question) {
  if (isatty(STDIN_FILENO) != 1) {
    return absl::InvalidArgumentError("there is no terminal to ask on: confirm it by --yes");
  }
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return IsYes(answer);
}

bool IsYes(absl::string_view answer) {
  const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return word == "y" || word == "yes";
}

}  // namespace numalocality::localityctl
