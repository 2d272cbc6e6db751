#include "agent/http/metrics.h"

#include <prometheus/text_serializer.h>

#include <iterator>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/version.h"
#include "agent/http/container_metrics.h"

namespace numalocality {
namespace {

using prometheus::MetricFamily;

// All series exist from the start, so that rate() and increase() count the first migration.
MetricFamily MigrationsOf(const Totals& totals) {
  auto family = Counter("numa_locality_migrations_total",
                        "Migrations that have ended, by origin and final state");
  for (const MigrationOrigin origin : AllValues<MigrationOrigin>()) {
    for (const MigrationState state : AllValues<MigrationState>()) {
      if (!IsFinal(state)) continue;
      const auto count = totals.migrations.find({origin, state});
      AddSeries(family, count == totals.migrations.end() ? 0 : static_cast<double>(count->second),
                {Label("origin", origin), Label("state", state)});
    }
  }
  return family;
}

MetricFamily PagesOf(const Totals& totals) {
  auto family = Counter("numa_locality_migration_pages_total",
                        "Base pages that migrations considered, by outcome");
  for (const PageOutcome outcome : AllValues<PageOutcome>()) {
    AddSeries(family, static_cast<double>(totals.pages[outcome]), {Label("outcome", outcome)});
  }
  return family;
}

MetricFamily CallsOf(const CallTimes& calls) {
  MetricFamily family{"numa_locality_migration_call_seconds",
                      "Duration of the kernel calls that moved pages",
                      prometheus::MetricType::Histogram,
                      {}};
  auto& histogram = family.metric.emplace_back().histogram;
  histogram.sample_count = static_cast<uint64_t>(calls.Count());
  histogram.sample_sum = absl::ToDoubleSeconds(calls.total);
  uint64_t count = 0;
  for (size_t i = 0; i < CallTimes::kBounds.size(); ++i) {
    count += static_cast<uint64_t>(calls.counts[i]);
    histogram.bucket.push_back({count, absl::ToDoubleSeconds(CallTimes::kBounds[i])});
  }
  return family;
}

MetricFamily DecisionsOf(const Totals& totals) {
  auto family = Counter("numa_locality_repair_decisions_total",
                        "Decisions of the repair loop about workloads, by decision and reason; a "
                        "decision is counted only if it differs from the workload's previous one");
  for (const auto& [decision, count] : totals.decisions) {
    AddSeries(family, static_cast<double>(count),
              {Label("decision", decision.first), Label("reason", decision.second)});
  }
  return family;
}

MetricFamilies TotalMetrics(const Totals& totals) {
  return {MigrationsOf(totals),
          PagesOf(totals),
          With(Counter("numa_locality_migration_bytes_total", "Bytes that migrations moved"),
               static_cast<double>(totals.moved_bytes)),
          CallsOf(totals.calls),
          DecisionsOf(totals),
          With(Counter("numa_locality_repairs_without_gain_total",
                       "Repairs after which the local fraction was not higher"),
               static_cast<double>(totals.repairs_without_gain)),
          With(Counter("numa_locality_drift_bytes_total",
                       "Bytes that verifications found to have left their target again"),
               static_cast<double>(totals.drifted_bytes))};
}

MetricFamily FreeBytesOf(const Topology& topology) {
  auto family = Gauge("numa_locality_node_free_bytes", "Free memory of each NUMA node");
  for (const auto& [id, node] : topology.nodes) {
    if (!node.has_memory) continue;
    AddSeries(family, static_cast<double>(node.free_bytes),
              {{"numa_node", absl::StrCat(id.value)}});
  }
  return family;
}

MetricFamily DiscoveryErrorsOf(const std::vector<DiscoveryErrors>& errors) {
  auto family = Counter("numa_locality_discovery_errors_total",
                        "Errors of the name sources of containers, by source");
  for (const DiscoveryErrors& source : errors) {
    AddSeries(family, static_cast<double>(source.error_count), {{"source", source.source_id}});
  }
  return family;
}

MetricFamilies ApiMetrics(const std::vector<ApiSocket>& sockets) {
  auto active = Gauge("numa_locality_api_calls_active",
                      "Calls of the API that have not ended, by socket and kind");
  auto ended = Counter("numa_locality_api_calls_total",
                       "Calls of the API that have ended, by socket, method and code");
  auto refused = Counter("numa_locality_api_refusals_total",
                         "Calls of the API and connections that were refused, by socket and by the "
                         "reason in the details of the error");
  auto connections = Gauge("numa_locality_self_connections_active",
                           "Connections of containers to the self socket");
  for (const auto& [name, calls] : sockets) {
    AddSeries(active, calls.running_calls, {{"socket", name}, {"kind", "unary"}});
    AddSeries(active, calls.running_watches, {{"socket", name}, {"kind", "watch"}});
    for (const auto& [answer, count] : calls.ended) {
      AddSeries(ended, static_cast<double>(count),
                {{"socket", name},
                 {"method", answer.first},
                 {"code", absl::StatusCodeToString(answer.second)}});
    }
    for (const ErrorReason reason : AllValues<ErrorReason>()) {
      const auto count = calls.refused.find(reason);
      AddSeries(refused, count == calls.refused.end() ? 0 : static_cast<double>(count->second),
                {{"socket", name}, Label("reason", reason)});
    }
    if (calls.connections.has_value()) AddSeries(connections, *calls.connections);
  }
  return {active, ended, refused, connections};
}

// With the standard names of Prometheus clients.
MetricFamilies ProcessMetrics(const OwnProcess& process) {
  return {With(Counter("process_cpu_seconds_total", "CPU time that the agent has used, in seconds"),
               absl::ToDoubleSeconds(process.cpu_time)),
          With(Gauge("process_resident_memory_bytes", "Resident memory of the agent"),
               static_cast<double>(process.resident_bytes)),
          With(Gauge("process_open_fds", "Open file descriptors of the agent"),
               static_cast<double>(process.open_file_count)),
          With(Gauge("process_start_time_seconds", "Start time of the agent, Unix seconds"),
               absl::ToDoubleSeconds(process.start_time - absl::UnixEpoch()))};
}

void Append(MetricFamilies&& more, MetricFamilies& families) {
  families.insert(families.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

}  // namespace

MetricFamilies CollectMetrics(const MetricsInput& input) {
  MetricFamilies families;
  if (input.report != nullptr) {
    Append(CollectContainerMetrics(*input.report, input.options), families);
    families.push_back(FreeBytesOf(input.report->topology));
    families.push_back(
        With(Gauge("numa_locality_report_cpu_seconds", "CPU time of reading the latest report"),
             absl::ToDoubleSeconds(input.report->cpu_time)));
  }
  Append(TotalMetrics(input.totals), families);
  families.push_back(
      With(Gauge("numa_locality_migrations_active", "Migrations that have not ended"),
           input.active_migrations));
  families.push_back(DiscoveryErrorsOf(input.discovery_errors));
  Append(ApiMetrics(input.sockets), families);
  families.push_back(With(Gauge("numa_locality_config_reload_success",
                                "1 if the current configuration file is in force, else 0"),
                          input.config_reload_ok ? 1 : 0));
  families.push_back(
      With(Gauge("numa_locality_build_info", "1, with the agent's version as a label"), 1,
           {{"version", kVersion}}));
  if (input.process.has_value()) Append(ProcessMetrics(*input.process), families);
  return families;
}

std::string MetricsText(const MetricFamilies& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace numalocality
