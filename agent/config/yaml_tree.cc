#include "agent/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;  // the limit of a ConfigMap
// The configuration has at most five levels. A tree of kMaxValues takes a few MiB.
constexpr size_t kMaxDepth = 10;
constexpr int kMaxValues = 20000;

YamlPosition PositionOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

[[noreturn]] void Fail(const YAML::Mark& mark, const std::string& message) {
  throw YAML::ParserException(mark, message);
}

// Builds the tree from the parser's events. `open_` holds the lists and maps that have not ended
// yet. A map's key arrives like a value, and becomes an entry with a null node until its value
// arrives.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (has_document_) Fail(mark, "a second document begins here; only one is allowed");
    has_document_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Check(mark, "", anchor);
    if (AwaitsKey()) Fail(mark, "a key is missing");
    // The mark of an absent value is that of the next token.
    const bool has_key = !open_.empty() && open_.back().node->kind == YamlNode::Kind::kMap;
    YamlNode& node = Add(mark, YamlNode::Kind::kNull);
    if (has_key) node.position = open_.back().node->map.back().position;
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Fail(mark, "aliases (*name) are not supported; repeat the value instead");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Check(mark, tag, anchor);
    if (AwaitsKey()) return AddKey(mark, value);
    YamlNode& node = Add(mark, YamlNode::Kind::kScalar);
    node.text = value;
    node.is_quoted = tag == "!";
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { open_.pop_back(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  struct Level {
    YamlNode* node;
    bool awaits_key;
  };

  bool AwaitsKey() const { return !open_.empty() && open_.back().awaits_key; }

  void Check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) Fail(mark, "anchors (&name) are not supported; repeat the value instead");
    // "?" is a plain scalar, "!" a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!") {
      Fail(mark, "tags (!name) are not supported; leave the tag out");
    }
    if (++count_ > kMaxValues) Fail(mark, absl::StrCat("more than ", kMaxValues, " values"));
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    Check(mark, tag, anchor);
    if (AwaitsKey()) Fail(mark, "a key must be text");
    if (open_.size() == kMaxDepth) {
      Fail(mark, absl::StrCat("nested more than ", kMaxDepth, " levels deep"));
    }
    YamlNode& node = Add(mark, kind);
    open_.push_back({&node, kind == YamlNode::Kind::kMap});
  }

  void AddKey(const YAML::Mark& mark, const std::string& key) {
    YamlNode& map = *open_.back().node;
    if (map.Find(key) != nullptr) Fail(mark, absl::StrCat("key '", key, "' occurs twice"));
    map.map.push_back({key, PositionOf(mark), {}});
    open_.back().awaits_key = false;
  }

  // Adds a value. Pointers in `open_` stay valid: a list or map grows only after its latest value
  // is complete.
  YamlNode& Add(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode& node = Place();
    node.kind = kind;
    node.position = PositionOf(mark);
    return node;
  }

  YamlNode& Place() {
    if (open_.empty()) return root_;
    YamlNode& parent = *open_.back().node;
    if (parent.kind == YamlNode::Kind::kList) return parent.list.emplace_back();
    open_.back().awaits_key = true;
    return parent.map.back().value;
  }

  YamlNode root_;
  std::vector<Level> open_;
  int count_ = 0;
  bool has_document_ = false;
};

// The number of bytes of the UTF-8 character at the front of `text`; 0 if there is none.
size_t Utf8Length(absl::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const int first = byte(0);
  const int second = byte(1);
  if (first < 0x80) return 1;
  // Overlong forms, surrogates, and what is above U+10FFFF.
  const bool is_none = first < 0xc2 || first > 0xf4 || (first == 0xe0 && second < 0xa0) ||
                       (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
                       (first == 0xf4 && second > 0x8f);
  const size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (size_t i = 1; i < length; ++i) {
    if (is_none || (byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

// The end of `text`, or an error if it contains control characters or is not UTF-8: yaml-cpp takes
// some of them for the end of the file, and accepts the others.
absl::StatusOr<YamlPosition> CheckCharacters(absl::string_view text) {
  YamlPosition position;
  for (size_t length = 0; !text.empty(); text.remove_prefix(length)) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
      return ErrorAt(position, "a control character; only tabs and line ends are allowed");
    }
    length = Utf8Length(text);
    if (length == 0) return ErrorAt(position, "not UTF-8; save the file in this encoding");
    ++position.column;
    if (c == '\n') position = {position.line + 1, 1};
  }
  return position;
}

}  // namespace

absl::Status ErrorAt(const YamlPosition& position, absl::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", position.line, ", column ", position.column, ": ", message));
}

const YamlNode* YamlNode::Find(absl::string_view key) const {
  const auto found = std::find_if(map.begin(), map.end(),
                                  [key](const YamlEntry& entry) { return entry.key == key; });
  return found == map.end() ? nullptr : &found->value;
}

absl::StatusOr<YamlNode> ParseYaml(absl::string_view text) {
  if (text.size() > kMaxBytes) {
    return ErrorAt({}, absl::StrCat("the file is larger than ", kMaxBytes, " bytes"));
  }
  NL_ASSIGN_OR_RETURN(const YamlPosition end, CheckCharacters(text));
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.TakeRoot();
  } catch (const YAML::Exception& error) {
    // At the end of the file yaml-cpp's column is wrong.
    const bool at_end = error.mark.pos >= static_cast<int>(text.size());
    return ErrorAt(at_end ? end : PositionOf(error.mark), error.msg);
  } catch (const std::exception& error) {
    return ErrorAt({}, absl::StrCat("not YAML: ", error.what()));
  }
}

}  // namespace numalocality
