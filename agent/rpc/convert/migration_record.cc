#include "agent/rpc/convert/migration_record.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/convert/migration_request.h"

namespace numalocality {
namespace {

using numalocality::ToProto;  // of times, which the functions below hide

void OutcomesToProto(const OutcomeCounts& outcomes, v1::WorkloadMigration& message) {
  for (const PageOutcome outcome : AllValues<PageOutcome>()) {
    if (outcomes[outcome] == 0) continue;
    v1::OutcomeCount* count = message.add_outcomes();
    count->set_outcome(ToApi<v1::PageOutcome>(outcome));
    count->set_page_count(outcomes[outcome]);
    count->set_advice(std::string(AdviceOf(outcome)));
  }
  message.set_examined_page_count(outcomes.Total());
}

void CallsToProto(const CallTimes& calls, v1::WorkloadMigration& message) {
  message.set_move_call_count(calls.Count());
  *message.mutable_move_call_time() = ToProto(calls.total);
  *message.mutable_longest_move_call() = ToProto(calls.longest);
  for (size_t i = 0; i < calls.counts.size(); ++i) {
    v1::CallTimeBucket* bucket = message.add_move_call_buckets();
    if (i < CallTimes::kBounds.size()) {
      *bucket->mutable_upper_bound() = ToProto(CallTimes::kBounds[i]);
    }
    bucket->set_call_count(calls.counts[i]);
  }
}

void ToProto(const Verification& verification, v1::Verification& message) {
  *message.mutable_after() = ToProto(verification.after);
  message.set_on_target_page_count(verification.pages_on_target);
  message.set_drifted_page_count(verification.drifted_pages);
  ToField(verification.memory, message.mutable_node_usages());
}

void ToProto(const CrossCheck& source, v1::CrossCheck& message) {
  message.set_verdict(ToApi<v1::CrossCheckVerdict>(source.verdict));
  for (const auto& [id, node] : source.nodes) {
    v1::ChargedMemory* charged = message.add_nodes();
    charged->set_node_id(id.value);
    charged->set_before_bytes(node.before_bytes);
    charged->set_after_bytes(node.after_bytes);
    charged->set_moved_bytes(node.moved_bytes);
  }
  message.set_difference_bytes(source.difference_bytes);
  message.set_tolerance_bytes(source.tolerance_bytes);
  message.set_note(Printable(source.note));
}

void DriftToProto(const DriftFacts& facts, v1::WorkloadMigration& message) {
  for (const DriftCause& cause : LikelyCauses(facts, DriftAdvice::kAgent)) {
    v1::DriftCause* each = message.add_drift_causes();
    each->set_code(cause.code);
    each->set_cause(cause.cause);
    each->set_remedy(cause.remedy);
  }
}

void ToProto(const WorkloadMigration& result, v1::WorkloadMigration& message) {
  ToProto(result.workload, *message.mutable_workload());
  message.set_state(ToApi<v1::MigrationState>(result.state));
  message.set_reason(ToApi<v1::MigrationReason>(result.reason));
  message.set_message(Printable(result.message));
  ToField(result.target_nodes, message.mutable_target_node_ids());
  message.set_planned_page_count(result.pages_planned);
  OutcomesToProto(result.outcomes, message);
  message.set_on_target_page_count(result.pages_on_target);
  message.set_drifted_page_count(result.drifted_pages);
  ToField(result.before, message.mutable_before());
  for (const Verification& verification : result.verifications) {
    ToProto(verification, *message.add_verifications());
  }
  if (!result.after_restart.nodes.empty()) {
    ToField(result.after_restart, message.mutable_after());
  } else if (!result.verifications.empty()) {
    ToField(result.verifications.back().memory, message.mutable_after());
  }
  if (result.drift_facts.has_value()) DriftToProto(*result.drift_facts, message);
  ToProto(result.cross_check, *message.mutable_cross_check());
  message.set_sharing_note(Printable(result.sharing_note));
  message.set_stick_note(Printable(result.stick_note));
  message.set_room_note(Printable(result.room_note));
  if (result.scan_method.has_value()) {
    message.set_scan_method(ToApi<v1::ScanMethod>(*result.scan_method));
  }
  message.set_process_count(result.process_count);
  message.set_vanished_process_count(result.vanished_process_count);
  message.set_hidden_process_count(result.hidden_process_count);
  message.set_same_memory_process_count(result.same_memory_count);
  message.set_incomplete(result.incomplete);
  CallsToProto(result.calls, message);
  message.set_moved_huge_page_count(result.huge_pages_moved);
  message.set_split_huge_page_count(result.huge_pages_split);
  message.set_hold_count(result.holds.Count());
  message.set_unheld_batch_count(result.unheld_batches);
  *message.mutable_hold_time() = ToProto(result.holds.total);
  *message.mutable_longest_hold() = ToProto(result.holds.longest);
  *message.mutable_bandwidth_wait_time() = ToProto(result.bandwidth_wait);
  *message.mutable_pressure_wait_time() = ToProto(result.pressure_wait);
}

void ToProto(const RepairEstimate& estimate, v1::RepairEstimate& message) {
  message.set_bytes(estimate.bytes);
  if (estimate.time.has_value()) *message.mutable_time() = ToProto(*estimate.time);
  message.set_local_fraction_before(estimate.local_before);
  message.set_local_fraction_expected(estimate.local_expected);
  message.set_no_room_bytes(estimate.no_room_bytes);
  if (!estimate.local_after.has_value()) return;
  message.set_local_fraction_after(*estimate.local_after);
  message.set_remote_bytes_after(estimate.remote_after);
}

// INVALID_ARGUMENT for a value that this agent does not know.
template <typename E, typename Api>
absl::Status EnumFrom(Api value, E& model) {
  const std::optional<E> known = FromApi<E>(value);
  if (!known.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("unknown enum value ", value));
  }
  model = *known;
  return absl::OkStatus();
}

CallTimes CallsFrom(const v1::WorkloadMigration& message) {
  CallTimes calls;
  const auto& buckets = message.move_call_buckets();
  const auto count = std::min<size_t>(buckets.size(), calls.counts.size());
  for (size_t i = 0; i < count; ++i) calls.counts[i] = buckets[static_cast<int>(i)].call_count();
  calls.total = FromProto(message.move_call_time());
  calls.longest = FromProto(message.longest_move_call());
  return calls;
}

// The message has the number of holds, and not how long each of them was.
CallTimes HoldsFrom(const v1::WorkloadMigration& message) {
  CallTimes holds;
  holds.counts[0] = message.hold_count();
  holds.total = FromProto(message.hold_time());
  holds.longest = FromProto(message.longest_hold());
  return holds;
}

absl::Status CrossCheckFrom(const v1::CrossCheck& message, CrossCheck& check) {
  NL_RETURN_IF_ERROR(EnumFrom(message.verdict(), check.verdict));
  for (const v1::ChargedMemory& node : message.nodes()) {
    check.nodes[NodeId{node.node_id()}] = {node.before_bytes(), node.after_bytes(),
                                           node.moved_bytes()};
  }
  check.difference_bytes = message.difference_bytes();
  check.tolerance_bytes = message.tolerance_bytes();
  check.note = message.note();
  return absl::OkStatus();
}

void MemoryFrom(const v1::WorkloadMigration& message, WorkloadMigration& result) {
  FromField(message.before(), result.before);
  for (const v1::Verification& each : message.verifications()) {
    Verification& verification = result.verifications.emplace_back();
    verification.after = FromProto(each.after());
    verification.pages_on_target = each.on_target_page_count();
    verification.drifted_pages = each.drifted_page_count();
    FromField(each.node_usages(), verification.memory);
  }
  FromField(message.after(), result.after_restart);
  // Else it is that of the last verification.
  if (!result.verifications.empty() && result.verifications.back().memory == result.after_restart) {
    result.after_restart = {};
  }
}

absl::Status ResultFrom(const v1::WorkloadMigration& message, WorkloadMigration& result) {
  result.workload = FromProto(message.workload());
  NL_RETURN_IF_ERROR(EnumFrom(message.state(), result.state));
  NL_RETURN_IF_ERROR(EnumFrom(message.reason(), result.reason));
  result.message = message.message();
  result.target_nodes = NodesFrom(message.target_node_ids());
  result.pages_planned = message.planned_page_count();
  for (const v1::OutcomeCount& count : message.outcomes()) {
    PageOutcome outcome = PageOutcome::kMoved;
    NL_RETURN_IF_ERROR(EnumFrom(count.outcome(), outcome));
    result.outcomes.Add(outcome, count.page_count());
  }
  result.pages_on_target = message.on_target_page_count();
  result.drifted_pages = message.drifted_page_count();
  MemoryFrom(message, result);
  NL_RETURN_IF_ERROR(CrossCheckFrom(message.cross_check(), result.cross_check));
  result.sharing_note = message.sharing_note();
  result.stick_note = message.stick_note();
  result.room_note = message.room_note();
  if (message.scan_method() != v1::SCAN_METHOD_UNSPECIFIED) {
    NL_RETURN_IF_ERROR(EnumFrom(message.scan_method(), result.scan_method.emplace()));
  }
  result.process_count = message.process_count();
  result.vanished_process_count = message.vanished_process_count();
  result.hidden_process_count = message.hidden_process_count();
  result.same_memory_count = message.same_memory_process_count();
  result.incomplete = message.incomplete();
  result.calls = CallsFrom(message);
  result.huge_pages_moved = message.moved_huge_page_count();
  result.huge_pages_split = message.split_huge_page_count();
  result.holds = HoldsFrom(message);
  result.unheld_batches = message.unheld_batch_count();
  result.bandwidth_wait = FromProto(message.bandwidth_wait_time());
  result.pressure_wait = FromProto(message.pressure_wait_time());
  return absl::OkStatus();
}

RepairEstimate EstimateFrom(const v1::RepairEstimate& message) {
  RepairEstimate estimate;
  estimate.bytes = message.bytes();
  if (message.has_time()) estimate.time = FromProto(message.time());
  estimate.local_before = message.local_fraction_before();
  estimate.local_expected = message.local_fraction_expected();
  estimate.no_room_bytes = message.no_room_bytes();
  if (message.has_local_fraction_after()) estimate.local_after = message.local_fraction_after();
  estimate.remote_after = message.remote_bytes_after();
  return estimate;
}

// The request, of which `message.request` has a part and the record itself the rest.
absl::Status RequestFrom(const v1::Migration& message, Migration& migration) {
  MigrationRequest& request = migration.request;
  migration.is_request_known = false;
  if (message.has_request()) {
    auto known = FromProto(message.request());
    migration.is_request_known = known.ok();
    if (known.ok()) request = *std::move(known);
  }
  request.request_id = message.request_id();
  NL_RETURN_IF_ERROR(EnumFrom(message.origin(), request.origin));
  request.created_by = message.created_by();
  request.policy = message.policy();
  request.trigger = message.trigger();
  if (message.has_evacuated_node_id()) {
    if (!request.evacuation.has_value()) request.evacuation.emplace();
    request.evacuation->node = NodeId{message.evacuated_node_id()};
    request.evacuation->keep_clear = FromProto(message.keep_clear());
  }
  if (migration.estimate.has_value()) {
    request.estimate = migration.estimate;
    request.estimate->local_after.reset();
    request.estimate->remote_after = 0;
  }
  return absl::OkStatus();
}

}  // namespace

void ToProto(const Migration& migration, v1::Migration& message) {
  message.set_id(migration.id);
  message.set_state(ToApi<v1::MigrationState>(migration.state));
  message.set_reason(ToApi<v1::MigrationReason>(migration.reason));
  message.set_message(Printable(migration.message));
  for (const WorkloadMigration& result : migration.workloads) {
    ToProto(result, *message.add_workloads());
  }
  message.set_page_bytes(migration.page_bytes);
  *message.mutable_create_time() = ToProto(migration.create_time);
  if (migration.start_time != absl::InfiniteFuture()) {
    *message.mutable_start_time() = ToProto(migration.start_time);
  }
  if (migration.end_time != absl::InfiniteFuture()) {
    *message.mutable_end_time() = ToProto(migration.end_time);
  }
  if (migration.is_request_known) ToProto(migration.request, *message.mutable_request());
  message.set_request_id(migration.request.request_id);
  message.set_origin(ToApi<v1::MigrationOrigin>(migration.request.origin));
  message.set_created_by(Printable(migration.request.created_by));
  message.set_policy(Printable(migration.request.policy));
  message.set_trigger(Printable(migration.request.trigger));
  if (migration.estimate.has_value()) ToProto(*migration.estimate, *message.mutable_estimate());
  if (const auto& evacuation = migration.request.evacuation; evacuation.has_value()) {
    message.set_evacuated_node_id(evacuation->node.value);
    *message.mutable_keep_clear() = ToProto(evacuation->keep_clear);
  }
}

void Summarize(v1::Migration& message) {
  message.clear_request();
  for (v1::WorkloadMigration& workload : *message.mutable_workloads()) {
    workload.clear_before();
    workload.clear_after();
    workload.clear_verifications();
    workload.clear_move_call_buckets();
    workload.clear_cross_check();
    workload.clear_drift_causes();
    workload.clear_sharing_note();
    workload.clear_stick_note();
    for (v1::OutcomeCount& outcome : *workload.mutable_outcomes()) outcome.clear_advice();
  }
}

absl::StatusOr<Migration> FromProto(const v1::Migration& message) {
  Migration migration;
  migration.id = message.id();
  NL_RETURN_IF_ERROR(EnumFrom(message.state(), migration.state));
  NL_RETURN_IF_ERROR(EnumFrom(message.reason(), migration.reason));
  migration.message = message.message();
  for (const v1::WorkloadMigration& result : message.workloads()) {
    NL_RETURN_IF_ERROR(ResultFrom(result, migration.workloads.emplace_back()));
  }
  migration.page_bytes = message.page_bytes();
  migration.create_time = FromProto(message.create_time());
  if (message.has_start_time()) migration.start_time = FromProto(message.start_time());
  if (message.has_end_time()) migration.end_time = FromProto(message.end_time());
  if (message.has_estimate()) migration.estimate = EstimateFrom(message.estimate());
  NL_RETURN_IF_ERROR(RequestFrom(message, migration));
  return migration;
}

}  // namespace numalocality
