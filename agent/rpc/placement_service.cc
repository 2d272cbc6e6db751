#include "agent/rpc/placement_service.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
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

grpc::Status PlacementService::GetPlacement(grpc::ServerContext* context,
                                            const v1::GetPlacementRequest* request,
                                            v1::GetPlacementResponse* response) {
  return ToGrpc(Get(*context, *request, *response));
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

absl::Status PlacementService::Get(const grpc::ServerContext& context,
                                   const v1::GetPlacementRequest& request,
                                   v1::GetPlacementResponse& response) {
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, finder_.Find(selector));
  NL_ASSIGN_OR_RETURN(const Topology topology, topology_.Read());
  absl::Status gone;
  for (const Workload& workload : workloads) {
    const auto placement = reader_.Read(workload, topology, FromProto(request.view()),
                                        [&] { return context.IsCancelled(); });
    if (absl::IsNotFound(placement.status())) {
      gone = placement.status();
      continue;
    }
    if (!placement.ok()) return placement.status();
    ToProto(*placement, *response.add_placements());
  }
  return response.placements().empty() ? gone : absl::OkStatus();
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
    last = workload.cgroup_path;
    const auto placement = reader_.Read(workload, topology, FromProto(request.view()),
                                        [&] { return context.IsCancelled(); });
    if (absl::IsNotFound(placement.status())) continue;  // went away meanwhile
    if (absl::IsPermissionDenied(placement.status()) || context.IsCancelled()) {
      return placement.ok() ? absl::CancelledError("the caller has gone") : placement.status();
    }
    if (!placement.ok()) {  // one container's oddity must not hide all others
      LogWarning(absl::StrCat("placement left out: ", workload.ToString(), ": ",
                              LogSafe(placement.status().message())));
      continue;
    }
    ToProto(*placement, *response.add_placements());
  }
  return absl::OkStatus();
}

}  // namespace numalocality
