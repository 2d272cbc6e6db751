#include "agent/base/units.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace numalocality {

absl::StatusOr<int64_t> ParseBytes(absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  const absl::string_view suffix = text.substr(digits);
  int shift = -1;
  if (suffix.empty()) {
    shift = 0;
  } else if (const absl::string_view rest = suffix.substr(1);
             rest.empty() || rest == "i" || rest == "iB") {
    static constexpr absl::string_view kLetters = "KMGT";
    const size_t position =
        kLetters.find(absl::ascii_toupper(static_cast<unsigned char>(suffix[0])));
    if (position != absl::string_view::npos) shift = 10 * (static_cast<int>(position) + 1);
  }
  int64_t number = 0;
  if (digits == 0 || shift < 0 || !absl::SimpleAtoi(text.substr(0, digits), &number) ||
      number > (std::numeric_limits<int64_t>::max() >> shift)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text, "' is not a size; write a whole number and a unit, such as 4096, 512M or 1Gi"));
  }
  return number << shift;
}

std::string ExactBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"", "Ki", "Mi", "Gi", "Ti"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrCat(bytes, kUnits[unit]);
}

std::string FormatBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes > -1024 && bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while ((value >= 1024 || value <= -1024) && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatBytesChange(int64_t bytes) {
  return absl::StrCat(bytes > 0 ? "+" : "", FormatBytes(bytes));
}

}  // namespace numalocality
