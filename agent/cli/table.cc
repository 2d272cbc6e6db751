#include "agent/cli/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"

namespace numalocality {
namespace {

// Number of blanks between columns.
constexpr size_t kGap = 3;

const std::string& Shown(const std::string& cell) {
  static const std::string kNothing = "-";
  return cell.empty() ? kNothing : cell;
}

}  // namespace

void Table::Prepend(Column column, const std::vector<std::string>& cells) {
  columns_.insert(columns_.begin(), std::move(column));
  for (size_t i = 0; i < rows_.size(); ++i) rows_[i].insert(rows_[i].begin(), cells[i]);
}

std::string Table::ToString(int indent) const {
  std::vector<std::vector<std::string>> lines;
  lines.emplace_back();
  for (const Column& column : columns_) lines.front().push_back(column.title);
  lines.insert(lines.end(), rows_.begin(), rows_.end());

  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      widths[i] = std::max(widths[i], Shown(line[i]).size());
    }
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row(static_cast<size_t>(indent), ' ');
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) row.append(kGap, ' ');
      const std::string& cell = Shown(line[i]);
      const std::string padding(widths[i] - cell.size(), ' ');
      row += columns_[i].align == Align::kLeft ? cell + padding : padding + cell;
    }
    absl::StripTrailingAsciiWhitespace(&row);
    text += row + "\n";
  }
  return text;
}

}  // namespace numalocality
