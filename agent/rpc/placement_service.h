// PlacementService of the API.
#ifndef NUMALOCALITY_AGENT_RPC_PLACEMENT_SERVICE_H_
#define NUMALOCALITY_AGENT_RPC_PLACEMENT_SERVICE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/report/explainer.h"
#include "agent/engine/report/report_board.h"
#include "agent/engine/watchdog.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/os/node/topology_reader.h"
#include "agent/rpc/call.h"
#include "agent/rpc/callers.h"
#include "agent/rpc/watch.h"
#include "numalocality/v1/placement.grpc.pb.h"

namespace numalocality {

// WatchPlacements is served with gRPC's callback API.
using PlacementServiceBase =
    v1::PlacementService::WithCallbackMethod_WatchPlacements<v1::PlacementService::Service>;

// Thread-safe.
class PlacementService final : public PlacementServiceBase {
 public:
  // `callers`, `board` and `requests` outlive this. `requests` may be null, see RequestWatch.
  // `agent`: for lists and watches. `heartbeat`: see WatchPump.
  PlacementService(const Callers& callers, const EngineContext& context, const ReportBoard& board,
                   ExplanationSources sources, Watchdog* requests, const v1::AgentInstance& agent,
                   absl::Duration heartbeat)
      : callers_(callers),
        topology_(context.host),
        finder_(context.host, context.names),
        reader_(context.kernel, context.host, context.clock),
        board_(board),
        explainer_(context, std::move(sources)),
        requests_(requests),
        agent_(agent),
        pump_([this] { next_ = board_.WaitForChanges(next_, kPumpWait).next; }, heartbeat) {}

  // Ends all watches.
  void StopWatches() { pump_.Stop(); }

  grpc::Status GetTopology(grpc::ServerContext* context, const v1::GetTopologyRequest* request,
                           v1::GetTopologyResponse* response) override;
  grpc::Status GetPlacement(grpc::ServerContext* context, const v1::GetPlacementRequest* request,
                            v1::GetPlacementResponse* response) override;
  grpc::Status ListPlacements(grpc::ServerContext* context,
                              const v1::ListPlacementsRequest* request,
                              v1::ListPlacementsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchPlacementsResponse>* WatchPlacements(
      grpc::CallbackServerContext* context, const v1::WatchPlacementsRequest* request) override;
  grpc::Status ExplainPlacement(grpc::ServerContext* context,
                                const v1::ExplainPlacementRequest* request,
                                v1::ExplainPlacementResponse* response) override;

 private:
  // How long the pump waits for changes.
  static constexpr absl::Duration kPumpWait = absl::Seconds(1);

  // The workloads that `selector` names, all of which the caller may see.
  absl::StatusOr<std::vector<Workload>> Find(Call& call, const Access& access,
                                             const WorkloadSelector& selector) const;
  absl::Status Get(Call& call, const grpc::ServerContext& context,
                   const v1::GetPlacementRequest& request, v1::GetPlacementResponse& response);
  absl::Status List(const Call& call, const grpc::ServerContext& context,
                    const v1::ListPlacementsRequest& request, v1::ListPlacementsResponse& response);
  absl::Status Explain(Call& call, const grpc::ServerContext& context,
                       const v1::ExplainPlacementRequest& request,
                       v1::ExplainPlacementResponse& response);

  const Callers& callers_;
  const TopologyReader topology_;
  const WorkloadFinder finder_;
  const PlacementReader reader_;
  const ReportBoard& board_;
  const Explainer explainer_;
  Watchdog* const requests_;
  const v1::AgentInstance agent_;
  int64_t next_ = ReportBoard::kFromStart;  // for the pump's thread
  WatchPump pump_;                          // last: its thread uses the others
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_PLACEMENT_SERVICE_H_
