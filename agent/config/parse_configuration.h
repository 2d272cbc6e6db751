// Parses the configuration file, which is YAML.
#ifndef NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_
#define NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/configuration.h"

namespace numalocality {

// Parses strictly: the first unknown key or impossible value gives INVALID_ARGUMENT, "line L,
// column C: <what is wrong, and what is allowed>". Absent keys have their defaults, so empty text
// gives the default configuration. Pure; never throws.
absl::StatusOr<Configuration> ParseConfiguration(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_
