// JSON as YAML in block style.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_JSON_TO_YAML_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_JSON_TO_YAML_H_

#include <string>

#include "absl/strings/string_view.h"

namespace numalocality::localityctl {

// `json`: one valid value without white space between its tokens, with plain words for keys, as
// protobuf prints it. Order is kept; strings stay quoted, which YAML reads as JSON does.
std::string JsonToYaml(absl::string_view json);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_JSON_TO_YAML_H_
