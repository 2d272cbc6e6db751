// Parses the configuration file, which is YAML, and writes a configuration as such a file.
#ifndef NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_
#define NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/configuration.h"

namespace numalocality {

// Parses strictly: the first unknown key or impossible value gives INVALID_ARGUMENT, "line L,
// column C: <what is wrong, and what is allowed>". Absent keys have their defaults, so empty text
// gives the default configuration. Pure; never throws.
absl::StatusOr<Configuration> ParseConfiguration(absl::string_view text);

// Of text that ParseConfiguration refuses: the sections (top-level keys) that are valid by
// themselves; all others have their defaults. There are no policies, because a policy may depend on
// a section that is not valid, and neither api.clients nor self where protectedNamespaces is not
// valid, or some key is unknown, which may be meant to be that one. The default configuration for
// text that is not YAML. Pure; never throws.
Configuration ParseValidSections(absl::string_view text);

// All settings on one line of JSON, which is also YAML: ParseConfiguration returns `configuration`
// for it. Keys that select nothing are left out. Pure.
std::string ToJson(const Configuration& configuration);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_
