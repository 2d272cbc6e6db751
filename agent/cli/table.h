// A table with aligned columns, for people.
#ifndef NUMALOCALITY_AGENT_CLI_TABLE_H_
#define NUMALOCALITY_AGENT_CLI_TABLE_H_

#include <string>
#include <vector>

namespace numalocality {

// Build it row by row, then print it with ToString.
class Table {
 public:
  enum class Align { kLeft, kRight };

  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // `cells` has one text for each column, in ASCII, as widths are counted in bytes. An empty cell
  // is printed as "-".
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // Inserts a column before the others. `cells` has one text for each row.
  void Prepend(Column column, const std::vector<std::string>& cells);

  // The titles and the rows, each on a line that begins with `indent` blanks and ends without
  // blanks.
  std::string ToString(int indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_TABLE_H_
