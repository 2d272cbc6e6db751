// The configuration file's text, as it is written in YAML, to a Configuration.
#ifndef NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_
#define NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/configuration.h"

namespace numalocality {

// Strict: what is not known or cannot be meant is INVALID_ARGUMENT, "line L, column C: <what, and
// what is allowed>", for the first such place. What is not given has its default; so an empty text
// is the default configuration. Pure; never throws.
absl::StatusOr<Configuration> ParseConfiguration(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CONFIG_PARSE_CONFIGURATION_H_
