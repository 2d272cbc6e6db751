// YAML text as a tree that knows where each value stands. Of YAML 1.2 it takes what configuration
// needs: no anchors, aliases, tags, or values other than text as keys. yaml-cpp parses; nothing of
// it, exceptions least of all, leaves yaml_tree.cc.
#ifndef NUMALOCALITY_AGENT_CONFIG_YAML_TREE_H_
#define NUMALOCALITY_AGENT_CONFIG_YAML_TREE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality {

// Both from 1.
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
  bool is_quoted = false;  // a scalar that is text whatever it looks like
  std::vector<YamlNode> list;
  std::vector<YamlEntry> map;  // keys differ

  // Null if there is no such key.
  const YamlNode* Find(absl::string_view key) const;
};

struct YamlEntry {
  std::string key;
  YamlPosition position;  // of the key
  YamlNode value;
};

// The one document in `text`; a null node if there is none. INVALID_ARGUMENT with line and column
// for what is not YAML, not in the subset above, more than one document, a key given twice, more
// than 1 MiB, 10 levels or 20,000 values.
absl::StatusOr<YamlNode> ParseYaml(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_YAML_TREE_H_
