// A tree of YAML values with their positions in the text. It supports the part of YAML 1.2 that the
// configuration needs: no anchors, aliases, tags, or keys other than text. yaml_tree.cc uses
// yaml-cpp, and keeps its types and exceptions to itself.
#ifndef NUMALOCALITY_AGENT_CONFIG_YAML_TREE_H_
#define NUMALOCALITY_AGENT_CONFIG_YAML_TREE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality {

// A position in the text; both numbers begin at 1.
struct YamlPosition {
  int line = 1;
  int column = 1;
};

// INVALID_ARGUMENT: "line L, column C: <message>".
absl::Status ErrorAt(const YamlPosition& position, absl::string_view message);

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  YamlPosition position;
  std::string text;        // of a scalar
  bool is_quoted = false;  // of a scalar: it is text even if it looks like a number
  std::vector<YamlNode> list;
  std::vector<YamlEntry> map;  // without duplicate keys

  // Null if the map does not have the key.
  const YamlNode* Find(absl::string_view key) const;
};

struct YamlEntry {
  std::string key;
  YamlPosition position;  // of the key
  YamlNode value;
};

// Parses the document in `text`; a null node if there is none. INVALID_ARGUMENT with line and
// column for text that is not YAML or not in the subset above, a second document, a duplicate key,
// and more than 1 MiB, 10 levels or 20,000 values.
absl::StatusOr<YamlNode> ParseYaml(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_YAML_TREE_H_
