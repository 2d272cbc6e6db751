// The agent process: makes its components, in the order of the members, and connects them.
#ifndef NUMALOCALITY_AGENT_AGENT_H_
#define NUMALOCALITY_AGENT_AGENT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/engine/context.h"
#include "agent/engine/health/configuration_source.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/migrate/totals.h"
#include "agent/engine/repair/policy_loop.h"
#include "agent/engine/report/report_board.h"
#include "agent/engine/watchdog.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/http/http_server.h"
#include "agent/http/metrics.h"
#include "agent/rpc/call_limits.h"
#include "agent/rpc/record_files.h"
#include "agent/rpc/reservation_file.h"
#include "agent/rpc/self_socket.h"
#include "agent/rpc/server.h"
#include "agent/runtime/cri_client.h"
#include "agent/runtime/cri_events.h"
#include "agent/runtime/device_plugin.h"

namespace numalocality {

struct AgentOptions {
  std::string config = "/etc/numa-locality-agent/config.yaml";  // only this one may be missing
  std::string socket = "/run/numa-locality-agent/agent.sock";
  std::string front_socket;   // of the front, see Door; "": none
  std::string viewer_socket;  // see Door; "": none
  std::string cri_socket;     // "": the one of the configuration
};

class Agent {
 public:
  explicit Agent(const AgentOptions& options);

  // Starts reports, repairs, and the servers: on the sockets and, if configured, over HTTP.
  absl::Status Start();
  // Returns false if kernel calls are still running in threads of the agent. Has no time limit of
  // its own: gRPC's shutdown waits for its threads.
  bool Stop();

 private:
  PolicyLoopSources LoopSources();
  SelfDevices Devices();
  // Records and reservations of earlier agents. Errors are logged: the agent works without them.
  void RestoreState();
  void ApplyLimits();
  ExplanationSources Explanation();
  HttpPages Pages();
  MetricsInput Metrics() const;
  absl::Status Health() const;
  std::vector<StalledCall> StalledCalls() const;
  std::vector<std::string> NotReady() const;
  void LogFindings() const;  // of the self-test

  const std::string socket_;
  const std::string front_socket_;
  const std::string viewer_socket_;
  const absl::Duration started_at_ = Clock::System().Monotonic();
  ConfigurationSource configuration_;
  const SourceOptions sources_;
  NameDirectory names_;
  const EngineContext context_;
  const std::unique_ptr<ContainerResources> runtime_;
  TotalsCounter totals_;
  ReportBoard board_;
  RecordFiles records_;
  ReservationFile reservations_;
  Migrator migrator_;
  PolicyLoop loop_;
  Watchdog requests_{Clock::System(), [] {}};  // of the API
  std::unique_ptr<CriEvents> events_;
  std::unique_ptr<SelfSocket> self_;             // null: none
  std::unique_ptr<DevicePlugin> device_plugin_;  // null: none; uses self_
  std::unique_ptr<Server> server_;
  std::unique_ptr<Server> viewer_;  // null: none
  std::unique_ptr<Server> front_;   // null: none
  // By name, for metrics.
  std::vector<std::pair<std::string, std::shared_ptr<const CallLimits>>> sockets_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_AGENT_H_
