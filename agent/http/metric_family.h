// Short functions that build Prometheus metric families.
#ifndef NUMALOCALITY_AGENT_HTTP_METRIC_FAMILY_H_
#define NUMALOCALITY_AGENT_HTTP_METRIC_FAMILY_H_

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

#include "agent/model/enum_table.h"

namespace numalocality {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;
using MetricFamilies = std::vector<prometheus::MetricFamily>;

inline prometheus::MetricFamily Gauge(std::string name, std::string help) {
  return {std::move(name), std::move(help), prometheus::MetricType::Gauge, {}};
}

inline prometheus::MetricFamily Counter(std::string name, std::string help) {
  return {std::move(name), std::move(help), prometheus::MetricType::Counter, {}};
}

// A label whose value is the key of an enum's value.
template <typename E>
prometheus::ClientMetric::Label Label(std::string name, E value) {
  return {std::move(name), std::string(KeyOf(value))};
}

// Adds a series to a gauge or counter.
inline void AddSeries(prometheus::MetricFamily& family, double value, MetricLabels labels = {}) {
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  const bool is_counter = family.type == prometheus::MetricType::Counter;
  (is_counter ? metric.counter.value : metric.gauge.value) = value;
}

// `family` with one series added.
inline prometheus::MetricFamily With(prometheus::MetricFamily family, double value,
                                     MetricLabels labels = {}) {
  AddSeries(family, value, std::move(labels));
  return family;
}

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_HTTP_METRIC_FAMILY_H_
