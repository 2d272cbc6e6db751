#include "tests/integrity/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "tests/integrity/fail.h"

namespace numalocality::integrity {
namespace {

void WriteLine(int fd, const std::string& line) {
  if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    std::perror("integrity-workload: report line lost");
  }
}

}  // namespace

std::string Hex(const void* address) {
  char text[2 + 2 * sizeof(address) + 1];
  std::snprintf(text, sizeof(text), "%p", address);
  return text;
}

Report::Report(const std::string& path) {
  if (path.empty()) return;
  file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) FailErrno("--report " + path + ": cannot open for appending");
}

void Report::Write(const JsonLine& line) const {
  const std::string text = line.Line();
  WriteLine(STDOUT_FILENO, text);
  if (file_ >= 0) WriteLine(file_, text);
}

}  // namespace numalocality::integrity
