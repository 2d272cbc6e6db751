#include "agent/rpc/agent_service.h"

#include <google/protobuf/util/json_util.h>

#include <string>
#include <vector>

#include "agent/base/log.h"
#include "agent/base/version.h"
#include "agent/config/parse_configuration.h"
#include "agent/engine/health/findings.h"
#include "agent/engine/health/self_test.h"
#include "agent/rpc/call.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/convert/migration_record.h"
#include "agent/rpc/convert/placement.h"

namespace numalocality {
namespace {

void RuntimeToProto(const std::optional<RuntimeStatus>& runtime, v1::Source& source) {
  source.set_id("runtime");
  source.set_name("container runtime");
  source.set_state(v1::SOURCE_STATE_ABSENT);
  if (!runtime.has_value()) return;
  source.set_address(Printable(runtime->address));
  source.set_state(runtime->answer.ok() ? v1::SOURCE_STATE_OK : v1::SOURCE_STATE_ERROR);
  source.set_message(Printable(runtime->answer.ok() ? absl::string_view(*runtime->answer)
                                                    : runtime->answer.status().message()));
}

void SourceToProto(const SourceStatus& status, v1::Source& source) {
  source.set_id(status.id);
  source.set_name(status.name);
  source.set_address(Printable(status.address));
  source.set_state(status.last_read.ok() ? v1::SOURCE_STATE_OK
                   : status.IsAbsent()   ? v1::SOURCE_STATE_ABSENT
                                         : v1::SOURCE_STATE_ERROR);
  source.set_message(status.last_read.ok() ? "answers" : Printable(status.last_read.message()));
}

// The kernel's notifications of changed cgroups.
void ChangesToProto(const absl::Status& changes, v1::Source& source) {
  source.set_id("changes");
  source.set_name("changes");
  source.set_address("inotify");
  source.set_state(changes.ok() ? v1::SOURCE_STATE_OK : v1::SOURCE_STATE_ERROR);
  source.set_message(changes.ok() ? "watched" : Printable(changes.message()));
}

void ConfigurationToProto(const ConfigurationStatus& status, v1::ConfigurationStatus& message) {
  message.set_path(Printable(status.path));
  if (status.load_time != absl::InfinitePast()) {
    *message.mutable_load_time() = ToProto(status.load_time);
  }
  message.set_error(Printable(status.error));
  for (const std::string& key : status.restart_keys) message.add_restart_keys(key);
  message.set_only_valid_sections(status.only_valid_sections);
}

void StatusToProto(const AgentStatus& status, v1::GetStatusResponse& response) {
  response.set_version(kVersion);
  if (status.scan_method.has_value()) {
    response.set_scan_method(ToApi<v1::ScanMethod>(*status.scan_method));
  }
  for (const std::string& name : status.privileges.effective.Names()) {
    response.add_capabilities(name);
  }
  response.set_seccomp_mode(ToApi<v1::SeccompMode>(status.privileges.seccomp));
  ToField(status.memory_nodes, response.mutable_memory_node_ids());
  ToField(status.privileges.allowed_nodes, response.mutable_allowed_node_ids());
  response.set_kernel_release(Printable(status.kernel.text));
  response.set_numa_balancing(status.numa_balancing);
  response.set_cgroup_v2(status.cgroup_version == CgroupVersion::kV2);
  if (status.cgroup_version.has_value()) {
    response.set_cgroup_version(static_cast<int>(*status.cgroup_version));
  }
  response.set_pagemap_scan(status.pagemap_scan);
  response.set_host_pid_namespace(status.privileges.in_host_pid_namespace);
  for (const std::string& module : status.security_modules) {
    response.add_security_modules(Printable(module));
  }
  response.set_cgroup_driver(status.cgroup_driver);
  response.set_transparent_huge_pages(Printable(status.huge_page_mode));
  ConfigurationToProto(status.configuration, *response.mutable_configuration());
  RuntimeToProto(status.runtime, *response.add_sources());
  for (const SourceStatus& source : status.name_sources) {
    SourceToProto(source, *response.add_sources());
  }
  if (status.device_plugin.has_value()) {
    SourceToProto(*status.device_plugin, *response.add_sources());
  }
  if (status.changes.has_value()) ChangesToProto(*status.changes, *response.add_sources());
  for (const Finding& finding : FindingsOf(status)) {
    v1::Finding* message = response.add_findings();
    message->set_severity(ToApi<v1::FindingSeverity>(finding.severity));
    message->set_code(finding.code);
    message->set_message(Printable(finding.message));
    message->set_advice(finding.advice);
  }
}

void ReportToProto(const LocalityReport& report, v1::GetStatusResponse& response) {
  response.set_container_count(static_cast<int>(report.workloads.size()));
  if (report.read_time != absl::InfinitePast()) {
    *response.mutable_report_time() = ToProto(report.read_time);
    *response.mutable_report_cpu_time() = ToProto(report.cpu_time);
  }
}

}  // namespace

grpc::Status AgentService::GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                                     v1::GetStatusResponse* response) {
  const Call call(callers_, *context, "GetStatus");
  const absl::StatusOr<Access> access = call.access();
  if (!access.ok()) return call.End(access.status());
  auto status = RunSelfTest(context_, runtime_, configuration_);
  if (!status.ok()) return call.End(status.status());
  if (changes_ != nullptr) status->changes = changes_();
  if (stalled_calls_ != nullptr) status->stalled_calls = stalled_calls_();
  if (device_plugin_ != nullptr) status->device_plugin = device_plugin_();
  StatusToProto(*status, *response);
  response->set_node_name(Printable(node_name_));
  if (!access->SeesAll()) {
    // These name workloads of any namespace, and quote the configuration.
    response->clear_findings();
    response->mutable_configuration()->clear_error();
    for (v1::Source& source : *response->mutable_sources()) source.clear_message();
  }
  ReportToProto(*board_.Latest(), *response);
  return call.End(absl::OkStatus());
}

grpc::Status AgentService::GetConfiguration(grpc::ServerContext* context,
                                            const v1::GetConfigurationRequest*,
                                            v1::GetConfigurationResponse* response) {
  const Call call(callers_, *context, "GetConfiguration");
  // It names namespaces, labels and clients.
  const absl::StatusOr<Access> access = call.access();
  const absl::Status allowed = access.ok() ? access->Check(Role::kViewer, "") : access.status();
  if (!allowed.ok()) return call.End(allowed);
  const std::string json =
      ToJson(configuration_ == nullptr ? Configuration() : *configuration_->Current());
  const auto read = google::protobuf::util::JsonStringToMessage(json, response->mutable_settings());
  if (!read.ok()) return call.End(absl::InternalError(read.ToString()));
  if (configuration_ != nullptr) {
    ConfigurationToProto(configuration_->Status(), *response->mutable_status());
  }
  return call.End(absl::OkStatus());
}

}  // namespace numalocality
