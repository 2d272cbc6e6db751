// The agent's metrics.
#ifndef NUMALOCALITY_AGENT_HTTP_METRICS_H_
#define NUMALOCALITY_AGENT_HTTP_METRICS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/engine/migrate/totals.h"
#include "agent/http/metric_family.h"
#include "agent/model/call_counts.h"
#include "agent/model/configuration.h"
#include "agent/model/locality_report.h"
#include "agent/os/process/own_process.h"

namespace numalocality {

// The errors of one name source since the agent's start.
struct DiscoveryErrors {
  std::string source_id;  // NameSource::id
  int64_t error_count = 0;
};

// The API on one socket.
struct ApiSocket {
  std::string name;  // "agent", "front", "viewer", "self"
  CallCounts calls;
};

struct MetricsInput {
  std::shared_ptr<const LocalityReport> report;  // null before the first
  Totals totals;
  int active_migrations = 0;
  std::vector<DiscoveryErrors> discovery_errors;
  std::vector<ApiSocket> sockets;
  bool config_reload_ok = true;       // the current file is in force, or no file is configured
  HttpOptions options;                // limit the number of series
  std::optional<OwnProcess> process;  // nullopt: could not be read
};

// Pure.
MetricFamilies CollectMetrics(const MetricsInput& input);

// `families` in Prometheus' text format 0.0.4.
std::string MetricsText(const MetricFamilies& families);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_HTTP_METRICS_H_
