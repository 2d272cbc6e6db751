#include "agent/rpc/placement_service.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/filter.h"
#include "agent/rpc/call.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/convert/placement.h"
#include "agent/rpc/request_watch.h"

namespace numalocality {
namespace {

// See EncodePageToken.
constexpr char kPlacementPageOf[] = "placements";

// The changes that one watcher has not been sent yet.
class PlacementWatch {
 public:
  PlacementWatch(const ReportBoard& board, WorkloadFilter filter, bool is_summary)
      : board_(board), filter_(std::move(filter)), is_summary_(is_summary) {}

  WatchStep operator()(const Access& access, v1::WatchPlacementsResponse& message, bool new_round) {
    if (left_.empty() && !must_sync_ && new_round) {
      ReportChanges changes = board_.WaitForChanges(next_, absl::ZeroDuration());
      next_ = changes.next;
      left_ = {changes.changes.begin(), changes.changes.end()};
      must_sync_ = changes.resync;
      if (changes.resync) {
        message.set_resync(true);
        return {.has_message = true, .ask_again = true};
      }
    }
    while (!left_.empty()) {
      const ReportChange change = std::move(left_.front());
      left_.pop_front();
      if (!IsShown(access, change)) continue;
      ToMessage(change, message);
      return {.has_message = true, .ask_again = true};
    }
    if (!std::exchange(must_sync_, false)) return {};
    message.set_synced(true);
    return {.has_message = true, .ask_again = true};
  }

 private:
  bool IsShown(const Access& access, const ReportChange& change) const {
    const Workload& workload =
        change.report == nullptr ? change.gone : change.report->placement.workload;
    return filter_.Matches(workload) &&
           access.Check(Role::kViewer, workload.names.pod_namespace).ok();
  }

  void ToMessage(const ReportChange& change, v1::WatchPlacementsResponse& message) const {
    if (change.report == nullptr) {
      ToProto(change.gone, *message.mutable_gone());
      return;
    }
    ToProto(change.report->placement, *message.mutable_placement());
    AddReport(*change.report, *message.mutable_placement());
    if (is_summary_) Summarize(*message.mutable_placement());
  }

  const ReportBoard& board_;
  const WorkloadFilter filter_;
  const bool is_summary_;
  int64_t next_ = ReportBoard::kFromStart;
  std::deque<ReportChange> left_;
  bool must_sync_ = false;  // after the changes that are left
};

// Adds a placement that was just read, completed from the latest report.
void Add(const WorkloadPlacement& placement, const LocalityReport& report,
         v1::WorkloadPlacement& message) {
  ToProto(placement, message);
  if (placement.workload.process.has_value()) return;
  const std::string& path = placement.workload.cgroup_path;
  const auto it = std::lower_bound(report.workloads.begin(), report.workloads.end(), path,
                                   [](const auto& workload, const std::string& wanted) {
                                     return workload->placement.workload.cgroup_path < wanted;
                                   });
  if (it == report.workloads.end()) return;
  const Workload& known = (*it)->placement.workload;
  if (known.cgroup_path == path && known.cgroup_id == placement.workload.cgroup_id) {
    AddReport(**it, message);
  }
}

}  // namespace

grpc::Status PlacementService::GetTopology(grpc::ServerContext* context,
                                           const v1::GetTopologyRequest*,
                                           v1::GetTopologyResponse* response) {
  const Call call(callers_, *context, "GetTopology");
  const absl::StatusOr<Access> access = call.access();
  if (!access.ok()) return call.End(access.status());
  const auto topology = topology_.Read();
  if (topology.ok()) ToProto(*topology, *response->mutable_topology());
  return call.End(topology.status());
}

grpc::Status PlacementService::GetPlacement(grpc::ServerContext* context,
                                            const v1::GetPlacementRequest* request,
                                            v1::GetPlacementResponse* response) {
  Call call(callers_, *context, "GetPlacement");
  return call.End(Get(call, *context, *request, *response));
}

grpc::Status PlacementService::ListPlacements(grpc::ServerContext* context,
                                              const v1::ListPlacementsRequest* request,
                                              v1::ListPlacementsResponse* response) {
  const Call call(callers_, *context, "ListPlacements");
  return call.End(List(call, *context, *request, *response));
}

grpc::ServerWriteReactor<v1::WatchPlacementsResponse>* PlacementService::WatchPlacements(
    grpc::CallbackServerContext* context, const v1::WatchPlacementsRequest* request) {
  using Message = v1::WatchPlacementsResponse;
  auto call = std::make_unique<Call>(callers_, *context, "WatchPlacements", CallKind::kWatch);
  const absl::Status allowed = call->access().status();
  if (!allowed.ok()) return Watch<Message>::Refuse(pump_, std::move(call), allowed);
  const auto is_summary = IsSummary(request->detail());
  if (!is_summary.ok()) return Watch<Message>::Refuse(pump_, std::move(call), is_summary.status());
  return Watch<Message>::Start(pump_, std::move(call),
                               PlacementWatch(board_, FromProto(request->filter()), *is_summary),
                               agent_);
}

grpc::Status PlacementService::ExplainPlacement(grpc::ServerContext* context,
                                                const v1::ExplainPlacementRequest* request,
                                                v1::ExplainPlacementResponse* response) {
  Call call(callers_, *context, "ExplainPlacement");
  return call.End(Explain(call, *context, *request, *response));
}

absl::StatusOr<std::vector<Workload>> PlacementService::Find(
    Call& call, const Access& access, const WorkloadSelector& selector) const {
  call.On(selector.ToString());
  NL_ASSIGN_OR_RETURN(std::vector<Workload> workloads, finder_.Find(selector));
  for (const Workload& workload : workloads) {
    NL_RETURN_IF_ERROR(access.CheckNamed(Role::kViewer, selector, workload));
  }
  return workloads;
}

absl::Status PlacementService::Get(Call& call, const grpc::ServerContext& context,
                                   const v1::GetPlacementRequest& request,
                                   v1::GetPlacementResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  RequestWatch watch(requests_, context, "GetPlacement");
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
  NL_ASSIGN_OR_RETURN(const PlacementView view, FromProto(request.view()));
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, Find(call, access, selector));
  NL_ASSIGN_OR_RETURN(const Topology topology, topology_.Read());
  const auto report = board_.Latest();
  absl::Status gone;
  for (const Workload& workload : workloads) {
    watch.Reads(workload.ToString());
    const auto placement =
        reader_.Read(workload, topology, view, [&] { return watch.IsCancelled(); });
    if (absl::IsNotFound(placement.status())) {
      gone = placement.status();
      continue;
    }
    if (!placement.ok()) return watch.Ended(placement.status());
    Add(*placement, *report, *response.add_placements());
  }
  return response.placements().empty() ? gone : absl::OkStatus();
}

absl::Status PlacementService::List(const Call& call, const grpc::ServerContext& context,
                                    const v1::ListPlacementsRequest& request,
                                    v1::ListPlacementsResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  RequestWatch watch(requests_, context, "ListPlacements");
  NL_ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  NL_ASSIGN_OR_RETURN(const std::string after,
                      DecodePageToken(kPlacementPageOf, request.page_token()));
  NL_ASSIGN_OR_RETURN(const PlacementView view, FromProto(request.view()));
  NL_ASSIGN_OR_RETURN(const bool is_summary, IsSummary(request.detail()));
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, finder_.FindAll());
  const WorkloadFilter filter = FromProto(request.filter());
  *response.mutable_agent() = agent_;
  NL_ASSIGN_OR_RETURN(const Topology topology, topology_.Read());
  const auto report = board_.Latest();
  std::string last = after;
  for (const Workload& workload : workloads) {
    if (workload.cgroup_path <= after || !filter.Matches(workload)) continue;
    if (!access.Check(Role::kViewer, workload.names.pod_namespace).ok()) continue;
    if (static_cast<size_t>(response.placements_size()) == page_size) {
      response.set_next_page_token(EncodePageToken(kPlacementPageOf, last));
      break;
    }
    last = workload.cgroup_path;
    watch.Reads(workload.ToString());
    const auto placement =
        reader_.Read(workload, topology, view, [&] { return watch.IsCancelled(); });
    if (absl::IsNotFound(placement.status())) continue;  // has ended meanwhile
    if (absl::IsPermissionDenied(placement.status())) return placement.status();
    if (watch.IsCancelled()) return watch.Ended(absl::CancelledError("the caller has cancelled"));
    if (!placement.ok()) {  // one container's error must not hide all others
      LogWarning(absl::StrCat("cannot read the placement of ", workload.ToString(),
                              ", so the answer omits it: ", LogSafe(placement.status().message())));
      continue;
    }
    v1::WorkloadPlacement& message = *response.add_placements();
    Add(*placement, *report, message);
    if (is_summary) Summarize(message);
  }
  return absl::OkStatus();
}

absl::Status PlacementService::Explain(Call& call, const grpc::ServerContext& context,
                                       const v1::ExplainPlacementRequest& request,
                                       v1::ExplainPlacementResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  RequestWatch watch(requests_, context, "ExplainPlacement");
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, Find(call, access, selector));
  NL_ASSIGN_OR_RETURN(const Topology topology, topology_.Read());
  absl::Status gone;
  for (const Workload& workload : workloads) {
    watch.Reads(workload.ToString());
    const auto explanation = explainer_.Explain(workload, topology, request.complete(),
                                                [&] { return watch.IsCancelled(); });
    if (absl::IsNotFound(explanation.status())) {
      gone = explanation.status();
      continue;
    }
    if (!explanation.ok()) return watch.Ended(explanation.status());
    v1::PlacementExplanation* const message = response.add_explanations();
    ToProto(*explanation, *message);
    // It may name processes of other namespaces.
    if (access.SeesAll()) continue;
    for (v1::RemotePart& part : *message->mutable_parts()) part.clear_detail();
  }
  return response.explanations().empty() ? gone : absl::OkStatus();
}

}  // namespace numalocality
