// JSON lines for the test that watches the workload: to standard output, and to a file if asked.
#ifndef TESTS_INTEGRITY_REPORT_H_
#define TESTS_INTEGRITY_REPORT_H_

#include <string>
#include <type_traits>

namespace numalocality::integrity {

// One JSON object, built key by key: {"event":"progress","operations":5}
class JsonLine {
 public:
  explicit JsonLine(const std::string& event) : text_("{\"event\":\"" + event + "\"") {}

  template <typename Number>
  JsonLine& Add(const char* key, Number value) {
    static_assert(std::is_arithmetic_v<Number>);
    return AddJson(key, std::to_string(value));
  }
  // `value` is JSON already.
  JsonLine& AddJson(const char* key, const std::string& value) {
    text_ += std::string(",\"") + key + "\":" + value;
    return *this;
  }
  // REQUIRES: nothing in `value` that JSON would escape.
  JsonLine& AddText(const char* key, const std::string& value) {
    return AddJson(key, '"' + value + '"');
  }

  std::string Line() const { return text_ + "}\n"; }

 private:
  std::string text_;
};

// "0x7f12…", as a JSON value without the quotes.
std::string Hex(const void* address);

// Any thread and any process may write: a line is one write(2).
class Report {
 public:
  // Appends to `path` as well, if that is not empty. Ends the process if it cannot be opened.
  explicit Report(const std::string& path);

  // If the reader is gone or the disk is full, a message goes to standard error; the run continues.
  void Write(const JsonLine& line) const;

 private:
  int file_ = -1;
};

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_REPORT_H_
