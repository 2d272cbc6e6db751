#include "agent/rpc/placement_service.h"

#include <string>
#include <vector>

#include "agent/base/status.h"
#include "agent/rpc/convert.h"

namespace numalocality {

grpc::Status PlacementService::GetTopology(grpc::ServerContext*, const v1::GetTopologyRequest*,
                                           v1::GetTopologyResponse* response) {
  const auto topology = topology_.Read();
  if (!topology.ok()) return ToGrpc(topology.status());
  ToProto(*topology, *response->mutable_topology());
  return grpc::Status::OK;
}

grpc::Status PlacementService::GetPlacement(grpc::ServerContext*,
                                            const v1::GetPlacementRequest* request,
                                            v1::GetPlacementResponse* response) {
  return ToGrpc(Get(*request, *response));
}

grpc::Status PlacementService::ListPlacements(grpc::ServerContext* context,
                                              const v1::ListPlacementsRequest* request,
                                              v1::ListPlacementsResponse* response) {
  return ToGrpc(List(*context, *request, *response));
}

grpc::Status PlacementService::WatchPlacements(grpc::ServerContext*,
                                               const v1::WatchPlacementsRequest*,
                                               grpc::ServerWriter<v1::WatchPlacementsResponse>*) {
  return {grpc::StatusCode::UNIMPLEMENTED,
          "WatchPlacements is not implemented yet; poll ListPlacements instead"};
}

grpc::Status PlacementService::ExplainPlacement(grpc::ServerContext*,
                                                const v1::ExplainPlacementRequest*,
                                                v1::ExplainPlacementResponse*) {
  return {grpc::StatusCode::UNIMPLEMENTED,
          "ExplainPlacement is not implemented yet; CreateMigration with validate_only tells what "
          "would move"};
}

absl::Status PlacementService::Get(const v1::GetPlacementRequest& request,
                                   v1::GetPlacementResponse& response) {
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, finder_.Find(selector));
  NL_ASSIGN_OR_RETURN(const Topology topology, topology_.Read());
  for (const Workload& workload : workloads) {
    const auto placement = reader_.Read(workload, topology, FromProto(request.view()));
    if (!placement.ok()) return placement.status();
    ToProto(*placement, *response.add_placements());
  }
  return absl::OkStatus();
}

absl::Status PlacementService::List(const grpc::ServerContext& context,
                                    const v1::ListPlacementsRequest& request,
                                    v1::ListPlacementsResponse& response) {
  NL_ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  NL_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(request.page_token()));
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, finder_.FindAll());
  NL_ASSIGN_OR_RETURN(const Topology topology, topology_.Read());
  std::string last = after;
  for (const Workload& workload : workloads) {
    if (workload.cgroup_path <= after) continue;
    if (static_cast<size_t>(response.placements_size()) == page_size) {
      response.set_next_page_token(EncodePageToken(last));
      break;
    }
    if (context.IsCancelled()) return absl::CancelledError("the caller has gone");
    last = workload.cgroup_path;
    const auto placement = reader_.Read(workload, topology, FromProto(request.view()));
    if (absl::IsNotFound(placement.status())) continue;  // went away meanwhile
    if (!placement.ok()) return placement.status();
    ToProto(*placement, *response.add_placements());
  }
  return absl::OkStatus();
}

}  // namespace numalocality
