// One call of the API: who makes it, and the line that it leaves in the audit log.
#ifndef NUMALOCALITY_AGENT_RPC_CALL_H_
#define NUMALOCALITY_AGENT_RPC_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/access.h"
#include "agent/model/workload.h"
#include "agent/rpc/callers.h"

namespace numalocality {

// For one call, on its thread.
class Call {
 public:
  // `method`: such as "CreateMigration".
  Call(const Callers& callers, const grpc::ServerContextBase& context, const char* method)
      : context_(context), method_(method), identified_(callers.Identify(context)) {}

  // What the caller may do. UNAUTHENTICATED without an identity, PERMISSION_DENIED without any
  // role.
  absl::StatusOr<Access> access() const {
    if (!identified_.ok()) return identified_.status();
    const absl::Status known = identified_->CheckKnown();
    return known.ok() ? identified_ : known;
  }

  // From now on the call counts as one that changes something.
  void Changes(const std::string& request_id) {
    changes_ = true;
    request_id_ = request_id;
  }
  // What it is about: for the audit line.
  void On(const std::string& subject) { subject_ = subject; }
  void On(const std::vector<Workload>& workloads);

  // Writes the audit line of a call that changes something, or that the caller may not make.
  // Returns the answer for gRPC.
  grpc::Status End(const absl::Status& status) const;

 private:
  const grpc::ServerContextBase& context_;
  const char* const method_;
  const absl::StatusOr<Access> identified_;  // also without a role
  bool changes_ = false;
  std::string request_id_;
  std::string subject_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CALL_H_
