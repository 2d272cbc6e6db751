// The metrics that have a set of series for each container, and how many of those there may be.
#ifndef NUMALOCALITY_AGENT_HTTP_CONTAINER_METRICS_H_
#define NUMALOCALITY_AGENT_HTTP_CONTAINER_METRICS_H_

#include "agent/http/metric_family.h"
#include "agent/model/configuration.h"
#include "agent/model/locality_report.h"

namespace numalocality {

// Containers of `report`, and their series: for at most `options.max_containers`, those with most
// remote bytes, or for none. Sandboxes do not count. Pure.
MetricFamilies CollectContainerMetrics(const LocalityReport& report, const HttpOptions& options);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_HTTP_CONTAINER_METRICS_H_
