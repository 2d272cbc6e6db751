#include "agent/rpc/convert/explanation.h"

namespace numalocality {
namespace {

// Both are in the same order; the API's has its unspecified value first.
pb::RemoteReason ToProto(RemoteReason reason) {
  static_assert(static_cast<int>(RemoteReason::kRepairable) + 1 == pb::REMOTE_REASON_REPAIRABLE);
  static_assert(static_cast<int>(RemoteReason::kMemoryPolicy) + 1 ==
                pb::REMOTE_REASON_MEMORY_POLICY);
  static_assert(static_cast<int>(RemoteReason::kUnlocated) + 1 == pb::REMOTE_REASON_UNLOCATED);
  return static_cast<pb::RemoteReason>(static_cast<int>(reason) + 1);
}

}  // namespace

void ToProto(const PlacementExplanation& explanation, pb::PlacementExplanation& message) {
  ToProto(explanation.placement, *message.mutable_placement());
  message.set_complete(explanation.complete);
  message.set_sampled_page_count(explanation.sampled_pages);
  message.set_error_bound(explanation.error_bound);
  for (const RemotePart& part : explanation.parts) {
    pb::RemotePart* out = message.add_parts();
    out->set_reason(ToProto(part.reason));
    out->set_bytes(part.bytes);
    out->set_advice(Printable(part.advice));  // may name a cgroup
    out->set_detail(Printable(part.detail));
  }
  for (const Circumstance& circumstance : explanation.circumstances) {
    pb::Circumstance* out = message.add_circumstances();
    out->set_message(circumstance.message);
    out->set_advice(circumstance.advice);
  }
}

}  // namespace numalocality
