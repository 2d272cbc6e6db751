// The metrics with a set of series for each container.
#ifndef NUMALOCALITY_AGENT_HTTP_CONTAINER_METRICS_H_
#define NUMALOCALITY_AGENT_HTTP_CONTAINER_METRICS_H_

#include "agent/http/metric_family.h"
#include "agent/model/configuration.h"
#include "agent/model/locality_report.h"

namespace numalocality {

// The number of containers in `report`, and the series of at most `options.max_containers` of them,
// those with the most remote bytes, or of none. Sandboxes do not count. Pure.
MetricFamilies CollectContainerMetrics(const LocalityReport& report, const HttpOptions& options);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_HTTP_CONTAINER_METRICS_H_
