// The configuration file of nginx that serves the API over the network (nginx.org/en/docs). Pure.
#ifndef NUMALOCALITY_AGENT_FRONT_NGINX_CONFIGURATION_H_
#define NUMALOCALITY_AGENT_FRONT_NGINX_CONFIGURATION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/front/front_options.h"

namespace numalocality {

// INVALID_ARGUMENT if an address is none, or a path has characters that mean something to nginx.
absl::Status CheckFrontOptions(const FrontOptions& options);

// `options` are valid. `has_ipv6`: whether the kernel has it; if not, "[::]" means IPv4 only.
// `expiry`: of the first certificate that expires, for /metrics.
std::string NginxConfiguration(const FrontOptions& options, bool has_ipv6, absl::Time expiry);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_FRONT_NGINX_CONFIGURATION_H_
