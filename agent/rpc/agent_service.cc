#include "agent/rpc/agent_service.h"

#include <string>

#include "agent/base/version.h"
#include "agent/engine/findings.h"
#include "agent/engine/self_test.h"
#include "agent/rpc/convert.h"
#include "agent/rpc/migration_record.h"

namespace numalocality {
namespace {

v1::SeccompMode ModeToProto(SeccompMode mode) {
  static_assert(static_cast<int>(SeccompMode::kFilter) + 1 == v1::SECCOMP_MODE_FILTER);
  return static_cast<v1::SeccompMode>(static_cast<int>(mode) + 1);
}

v1::FindingSeverity SeverityToProto(Severity severity) {
  static_assert(static_cast<int>(Severity::kNote) + 1 == v1::FINDING_SEVERITY_NOTE);
  return static_cast<v1::FindingSeverity>(static_cast<int>(severity) + 1);
}

void RuntimeToProto(const std::optional<RuntimeStatus>& runtime, v1::Source& source) {
  source.set_name("container runtime");
  source.set_state(v1::SOURCE_STATE_ABSENT);
  if (!runtime.has_value()) return;
  source.set_address(Printable(runtime->address));
  source.set_state(runtime->answer.ok() ? v1::SOURCE_STATE_OK : v1::SOURCE_STATE_ERROR);
  source.set_message(Printable(runtime->answer.ok() ? absl::string_view(*runtime->answer)
                                                    : runtime->answer.status().message()));
}

void StatusToProto(const AgentStatus& status, v1::GetStatusResponse& response) {
  response.set_version(kVersion);
  if (status.scan_method.has_value()) response.set_scan_method(ToProto(*status.scan_method));
  for (const std::string& name : status.privileges.effective.Names()) {
    response.add_capabilities(name);
  }
  response.set_seccomp_mode(ModeToProto(status.privileges.seccomp));
  ToField(status.memory_nodes, response.mutable_memory_node_ids());
  ToField(status.privileges.allowed_nodes, response.mutable_allowed_node_ids());
  response.set_kernel_release(Printable(status.kernel.text));
  response.set_numa_balancing(status.numa_balancing);
  response.set_cgroup_v2(status.cgroup_v2);
  response.set_pagemap_scan(status.pagemap_scan);
  response.set_host_pid_namespace(status.privileges.in_host_pid_namespace);
  RuntimeToProto(status.runtime, *response.add_sources());
  for (const Finding& finding : FindingsOf(status)) {
    v1::Finding* message = response.add_findings();
    message->set_severity(SeverityToProto(finding.severity));
    message->set_message(Printable(finding.message));
    message->set_advice(finding.advice);
  }
}

}  // namespace

grpc::Status AgentService::GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                                     v1::GetStatusResponse* response) {
  const auto status = RunSelfTest(context_, runtime_);
  if (!status.ok()) return ToGrpc(status.status());
  StatusToProto(*status, *response);
  return grpc::Status::OK;
}

grpc::Status AgentService::GetPolicies(grpc::ServerContext*, const v1::GetPoliciesRequest*,
                                       v1::GetPoliciesResponse*) {
  return {grpc::StatusCode::UNIMPLEMENTED,
          "GetPolicies is not implemented yet; this agent moves memory on request only"};
}

}  // namespace numalocality
