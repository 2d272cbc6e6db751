// Aligned columns of text, for people.
#ifndef NUMALOCALITY_AGENT_CLI_TABLE_H_
#define NUMALOCALITY_AGENT_CLI_TABLE_H_

#include <string>
#include <vector>

namespace numalocality {

class Table {
 public:
  enum class Align { kLeft, kRight };

  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // A cell for each column; ASCII, since a byte is taken for a place. An empty one shows as "-".
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // Puts a column in front of the others; a cell for each row.
  void Prepend(Column column, const std::vector<std::string>& cells);

  // The titles and all rows, one a line, without blanks at the ends of lines. Each line begins with
  // `indent` blanks.
  std::string ToString(int indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_TABLE_H_
