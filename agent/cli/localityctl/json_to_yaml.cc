#include "agent/cli/localityctl/json_to_yaml.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace numalocality::localityctl {
namespace {

// Takes the JSON apart from its front.
class Printer {
 public:
  explicit Printer(absl::string_view json) : rest_(json) {}

  std::string Print() && {
    // What a key or dash would be followed by begins in a line of its own here.
    Value(0);
    return std::string(absl::StripPrefix(absl::StripPrefix(yaml_, "\n"), " ")) + "\n";
  }

 private:
  void Value(int indent) {
    if (absl::ConsumePrefix(&rest_, "{}")) {
      yaml_ += " {}";
    } else if (absl::ConsumePrefix(&rest_, "[]")) {
      yaml_ += " []";
    } else if (absl::ConsumePrefix(&rest_, "{")) {
      Object(indent);
    } else if (absl::ConsumePrefix(&rest_, "[")) {
      Array(indent);
    } else {
      absl::StrAppend(&yaml_, " ", Scalar());
    }
  }

  void Object(int indent) {
    do {
      const absl::string_view key = Scalar();
      absl::ConsumePrefix(&rest_, ":");
      absl::StrAppend(&yaml_, NewLine(indent), key.substr(1, key.size() - 2), ":");
      Value(indent + 2);
    } while (absl::ConsumePrefix(&rest_, ","));
    absl::ConsumePrefix(&rest_, "}");
  }

  void Array(int indent) {
    do {
      absl::StrAppend(&yaml_, NewLine(indent), "-");
      // The first key of an object stands in the line of its dash.
      after_dash_ = absl::StartsWith(rest_, "{") && !absl::StartsWith(rest_, "{}");
      Value(indent + 2);
    } while (absl::ConsumePrefix(&rest_, ","));
    absl::ConsumePrefix(&rest_, "]");
  }

  std::string NewLine(int indent) {
    if (after_dash_) {
      after_dash_ = false;
      return " ";
    }
    return absl::StrCat("\n", std::string(static_cast<size_t>(indent), ' '));
  }

  // A string with its quotes, a number, or a word.
  absl::string_view Scalar() {
    size_t end = 0;
    if (rest_[0] == '"') {
      for (end = 1; rest_[end] != '"'; ++end) end += rest_[end] == '\\';
      ++end;
    } else {
      end = std::min(rest_.find_first_of(",]}"), rest_.size());
    }
    const absl::string_view scalar = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return scalar;
  }

  absl::string_view rest_;
  std::string yaml_;
  bool after_dash_ = false;
};

}  // namespace

std::string JsonToYaml(absl::string_view json) { return Printer(json).Print(); }

}  // namespace numalocality::localityctl
