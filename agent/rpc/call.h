// One call of the API: who makes it, that it counts, and the line that it leaves in the audit log.
#ifndef NUMALOCALITY_AGENT_RPC_CALL_H_
#define NUMALOCALITY_AGENT_RPC_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/access.h"
#include "agent/model/workload.h"
#include "agent/rpc/call_limits.h"
#include "agent/rpc/callers.h"

namespace numalocality {

// For one call, on its thread; a watch uses it from one thread at a time. Counts as running until
// it is destroyed. `callers` and `context` outlive it.
class Call {
 public:
  // `method`: such as "CreateMigration".
  Call(const Callers& callers, const grpc::ServerContextBase& context, const char* method,
       CallKind kind = CallKind::kUnary);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // What the caller may do now. UNAUTHENTICATED without an identity or after the end of its
  // certificate, PERMISSION_DENIED without any role, RESOURCE_EXHAUSTED if it has too many calls.
  absl::StatusOr<Access> access() const;

  // From now on the call counts as one that changes something.
  void Changes(const std::string& request_id) {
    changes_ = true;
    request_id_ = request_id;
  }
  // What it is about: for the audit line.
  void On(const std::string& subject) { subject_ = subject; }
  void On(const std::vector<Workload>& workloads);

  // Counts the answer, and writes the audit line of a call that changes something, or that the
  // caller may not make. Returns the answer for gRPC. For each call once.
  grpc::Status End(const absl::Status& status) const;

 private:
  const Callers& callers_;
  const grpc::ServerContextBase& context_;
  const char* const method_;
  const CallKind kind_;
  const absl::StatusOr<Caller> caller_;  // also without a role
  const absl::Status begun_;
  bool changes_ = false;
  std::string request_id_;
  std::string subject_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CALL_H_
