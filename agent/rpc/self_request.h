// Requests of the self socket and the calls of the API that they stand for (see self.proto). Pure.
#ifndef NUMALOCALITY_AGENT_RPC_SELF_REQUEST_H_
#define NUMALOCALITY_AGENT_RPC_SELF_REQUEST_H_

#include <grpcpp/support/status.h>
#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/workload.h"
#include "numalocality/v1/self.pb.h"

namespace numalocality {

// Who has connected.
struct SelfCaller {
  Workload container;  // of a pod
  pid_t pid = 0;       // of the process
};

// A call of the API.
struct SelfCall {
  std::string method;      // "/numalocality.v1.PlacementService/GetPlacement"
  int field = 0;           // number of request and response in SelfRequest and SelfResponse
  std::string request;     // serialized
  bool is_change = false;  // makes a migration or a reservation
  bool is_watch = false;   // lasts until something happens, and reads no workload
};

// The call that `request`, a serialized SelfRequest, stands for. Adds the workload where it is left
// out. INVALID_ARGUMENT if the request is malformed; PERMISSION_DENIED, as Access::Self, if it
// names another workload than the caller's container, whether that exists or not.
absl::StatusOr<SelfCall> ToSelfCall(const SelfCaller& caller, const std::string& request);

// The serialized SelfResponse for the answer to `call`: `status` and, if that is OK, the message.
std::string ToSelfResponse(const SelfCall& call, const grpc::Status& status,
                           const std::string& message);
std::string ToSelfResponse(const absl::Status& error);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SELF_REQUEST_H_
