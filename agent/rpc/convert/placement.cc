#include "agent/rpc/convert/placement.h"

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/model/error_details.h"
#include "agent/rpc/convert/common.h"

namespace numalocality {
void ToProto(const Topology& topology, pb::Topology& message) {
  message.set_page_bytes(topology.page_bytes);
  for (const auto& [id, node] : topology.nodes) {
    pb::Node* out = message.add_nodes();
    out->set_node_id(id.value);
    ToField(node.cpus, out->mutable_cpu_ids());
    out->set_has_memory(node.has_memory);
    out->set_total_bytes(node.total_bytes);
    out->set_free_bytes(node.free_bytes);
    for (const auto& [other, value] : node.distances) {
      pb::NodeDistance* distance = out->add_distances();
      distance->set_node_id(other.value);
      distance->set_distance(value);
    }
  }
}

void ToProto(const WorkloadPlacement& placement, pb::WorkloadPlacement& message) {
  ToProto(placement.workload, *message.mutable_workload());
  message.set_source(placement.source == PlacementSource::kPageScan ? pb::PLACEMENT_VIEW_PAGES
                                                                    : pb::PLACEMENT_VIEW_BASIC);
  ToField(placement.memory, message.mutable_node_usages());
  ToField(placement.cpus, message.mutable_cpu_ids());
  ToField(placement.home_nodes, message.mutable_home_node_ids());
  ToField(placement.allowed_nodes, message.mutable_allowed_node_ids());
  if (const auto fraction = placement.LocalFraction()) message.set_local_fraction(*fraction);
  message.set_process_count(placement.process_count);
  message.set_thread_count(placement.thread_count);
  message.set_vanished_process_count(placement.vanished_process_count);
  message.set_hidden_process_count(placement.hidden_process_count);
  message.set_incomplete(placement.incomplete);
  message.set_is_sandbox(placement.IsSandbox());
  message.set_state(ToApi<pb::PlacementState>(placement.state));
  message.set_state_message(Printable(placement.state_message));
  *message.mutable_read_time() = ToProto(placement.read_time);
  message.set_unlocated_bytes(placement.unlocated_bytes);
}

void ToProto(const RepairDecision& decision, pb::RepairDecision& message) {
  message.set_verdict(ToApi<pb::RepairVerdict>(decision.verdict));
  message.set_reason(ToApi<pb::RepairReason>(decision.reason));
  message.set_message(Printable(decision.message));
  message.set_policy(Printable(decision.policy));
  if (decision.next_time < absl::InfiniteFuture()) {
    *message.mutable_next_time() = ToProto(decision.next_time);
  }
  *message.mutable_since_time() = ToProto(decision.since);
}

void AddReport(const WorkloadReport& report, pb::WorkloadPlacement& message) {
  ToProto(report.placement.workload, *message.mutable_workload());
  if (report.decision.has_value()) ToProto(*report.decision, *message.mutable_decision());
  if (const auto& assignment = report.description.assignment; assignment.has_value()) {
    pb::KubeletAssignment* kubelet = message.mutable_kubelet_assignment();
    ToField(assignment->exclusive_cpus, kubelet->mutable_exclusive_cpu_ids());
    ToField(assignment->memory_nodes, kubelet->mutable_memory_node_ids());
  }
  if (report.placement.processes.empty()) return;
  for (const ProcessPlacement& process : report.placement.processes) {
    pb::ProcessPlacement* each = message.add_processes();
    each->set_pid(process.id.pid);
    ToField(process.cpus, each->mutable_cpu_ids());
    ToField(process.home_nodes, each->mutable_home_node_ids());
    ToField(process.memory, each->mutable_node_usages());
    each->set_sampled_page_count(process.sampled_pages);
    if (const auto local = process.LocalFraction(); local.has_value()) {
      each->set_local_fraction(*local);
    }
  }
  // Of all of them, each on its own home.
  if (const auto local = report.placement.LocalFraction(); local.has_value()) {
    message.set_local_fraction(*local);
  }
}

void Summarize(pb::WorkloadPlacement& message) {
  message.clear_cpu_ids();
  message.clear_processes();
  message.clear_kubelet_assignment();
  if (message.has_decision()) message.mutable_decision()->clear_message();
  message.clear_state_message();
}

absl::StatusOr<PlacementView> FromProto(pb::PlacementView view) {
  if (view == pb::PLACEMENT_VIEW_UNSPECIFIED) return PlacementView::kBasic;
  const auto known = FromApi<PlacementView>(view);
  if (known.has_value()) return *known;
  return InvalidField("view", absl::StrCat(view, " is not a placement view"));
}

void ToProto(const PlacementExplanation& explanation, pb::PlacementExplanation& message) {
  ToProto(explanation.placement, *message.mutable_placement());
  message.set_complete(explanation.complete);
  message.set_sampled_page_count(explanation.sampled_pages);
  message.set_error_bound(explanation.error_bound);
  for (const RemotePart& part : explanation.parts) {
    pb::RemotePart* out = message.add_parts();
    out->set_reason(ToApi<pb::RemoteReason>(part.reason));
    out->set_bytes(part.bytes);
    out->set_advice(Printable(part.advice));  // may name a cgroup
    out->set_detail(Printable(part.detail));
  }
  for (const Circumstance& circumstance : explanation.circumstances) {
    pb::Circumstance* out = message.add_circumstances();
    out->set_code(circumstance.code);
    out->set_message(circumstance.message);
    out->set_advice(circumstance.advice);
  }
}

}  // namespace numalocality
