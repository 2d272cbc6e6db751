// Files of very long lines, as procfs shows a file below thousands of directories.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_LONG_LINES_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_LONG_LINES_H_

#include <cstdint>
#include <fstream>
#include <ios>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace numalocality {

// Writes `lines` lines of a megabyte each: head(line), a path of zero bytes, `tail`. The path is a
// hole in the file, so writing and reading it is quick.
inline void WriteLongLines(const std::string& path, uint64_t lines,
                           absl::FunctionRef<std::string(uint64_t line)> head,
                           absl::string_view tail = "") {
  std::ofstream file(path);
  for (uint64_t line = 0; line < lines; ++line) {
    file << head(line);
    file.seekp(static_cast<std::streamoff>((line + 1) << 20));
    file << tail << '\n';
  }
}

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_LONG_LINES_H_
