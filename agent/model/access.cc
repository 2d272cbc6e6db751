#include "agent/model/access.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/error_details.h"

namespace numalocality {
namespace {

constexpr EnumTable<Role> kRoles = {{
    {Role::kViewer, "viewer", "viewer", ""},
    {Role::kMigrator, "migrator", "migrator", ""},
    {Role::kAdmin, "admin", "admin", ""},
}};
static_assert(IsWellFormed(kRoles));

constexpr char kSelfPrefix[] = "self:";

}  // namespace

const EnumTable<Role>& TableOf(Role) { return kRoles; }

bool IsPrintableIdentity(absl::string_view text) {
  constexpr size_t kMaxBytes = 2048;  // of a SPIFFE ID
  return !text.empty() && text.size() <= kMaxBytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

bool IsSelfIdentity(absl::string_view identity) {
  return absl::ConsumePrefix(&identity, kSelfPrefix) && !absl::StartsWith(identity, "//");
}

Access Access::Viewer(std::string identity) {
  Access access(std::move(identity), {ApiClient{{}, Role::kViewer, {}}});
  access.is_on_viewer_socket_ = true;
  return access;
}

Access Access::Granted(const std::string& identity, const std::vector<ApiClient>& clients) {
  std::vector<ApiClient> grants;
  std::copy_if(clients.begin(), clients.end(), std::back_inserter(grants),
               [&](const ApiClient& client) { return client.identity == identity; });
  return {identity, std::move(grants)};
}

Access Access::Self(const Workload& container) {
  Access access(absl::StrCat(kSelfPrefix, container.container->pod_uid, "/",
                             container.container->container_id),
                {});
  access.own_ = container;
  return access;
}

bool Access::Has(Role role, absl::string_view pod_namespace) const {
  return std::any_of(grants_.begin(), grants_.end(), [&](const ApiClient& grant) {
    const auto& in = grant.namespaces;
    return grant.role >= role &&
           (in.empty() || std::find(in.begin(), in.end(), pod_namespace) != in.end());
  });
}

absl::Status Access::Missing(Role role, absl::string_view pod_namespace) const {
  const absl::string_view role_name = WordsOf(role);
  const std::string where = pod_namespace.empty()
                                ? "in all namespaces"
                                : absl::StrCat("in namespace ", LogSafe(pod_namespace));
  const std::string message =
      is_on_viewer_socket_
          ? "the viewer socket only shows pods and records; for changes, and for processes and "
            "cgroups by name, use the agent's own socket"
      : own_.has_value()
          ? "on the self socket, a container may read, migrate and reserve only itself, without "
            "stick, override_protection and the sharing rule ALL; leave the workload out of the "
            "request, or name this container"
          : absl::StrCat("client ", LogSafe(identity_), " needs the role ", role_name, " ", where,
                         " for this; ask the operator to add it to api.clients in the agent's "
                         "configuration");
  return WithDetails(absl::PermissionDeniedError(message),
                     {ErrorReason::kRoleMissing,
                      {{"identity", identity_},
                       {"role", std::string(role_name)},
                       {"namespace", std::string(pod_namespace)}}});
}

absl::Status Access::Check(Role role, absl::string_view pod_namespace) const {
  return Has(role, pod_namespace) ? absl::OkStatus() : Missing(role, pod_namespace);
}

absl::Status Access::CheckOwn(Role role, const Workload& workload) const {
  // The path of a container's cgroup contains the container's id, so no other has the same path.
  const bool is_own = workload.process.has_value() ? own_->HoldsCgroup(workload.cgroup_path)
                                                   : own_->IsSame(workload);
  return is_own && role <= Role::kMigrator ? absl::OkStatus() : Missing(role, "");
}

absl::Status Access::CheckKnown() const {
  return grants_.empty() && !own_.has_value() ? Missing(Role::kViewer, "") : absl::OkStatus();
}

absl::Status Access::CheckNamed(Role role, const WorkloadSelector& selector,
                                const Workload& workload) const {
  if (own_.has_value()) return CheckOwn(role, workload);
  const bool is_of_machine = selector.pid.has_value() || selector.cgroup_path.has_value();
  if (!is_of_machine) return Check(role, workload.names.pod_namespace);
  // The error must not show in which namespace the process is.
  return Has(Role::kAdmin, workload.names.pod_namespace) ? absl::OkStatus()
                                                         : Missing(Role::kAdmin, "");
}

absl::Status Access::CheckMigrate(const MigrationRequest& request, const WorkloadSelector& selector,
                                  const Workload& workload) const {
  // Pages that move whoever maps them may be those of any namespace.
  if (request.spec.sharing == SharingRule::kAll) NL_RETURN_IF_ERROR(Check(Role::kAdmin, ""));
  if (own_.has_value()) {
    const bool is_for_admins = request.override_protection || request.stick != StickMode::kNone;
    return CheckOwn(is_for_admins ? Role::kAdmin : Role::kMigrator, workload);
  }
  // Forced, the kernel moves whatever is mapped, past the reserve and out of hugetlb pools.
  const bool is_special = request.override_protection || request.force_stick ||
                          request.stick_on_old_kernels ||
                          request.spec.ranges != MigrationSpec().ranges;
  return CheckNamed(is_special ? Role::kAdmin : Role::kMigrator, selector, workload);
}

absl::Status Access::CheckAll(Role role, const std::vector<Workload>& workloads) const {
  for (const Workload& workload : workloads) {
    NL_RETURN_IF_ERROR(own_.has_value() ? CheckOwn(role, workload)
                                        : Check(role, workload.names.pod_namespace));
  }
  return workloads.empty() ? Check(role, "") : absl::OkStatus();
}

absl::Status Access::CheckSee(const Migration& migration) const {
  return CheckAll(Role::kViewer, migration.Workloads());
}

absl::Status Access::CheckCancel(const Migration& migration) const {
  const bool is_own = migration.request.origin == MigrationOrigin::kApi && !identity_.empty() &&
                      migration.request.created_by == identity_;
  return CheckAll(is_own ? Role::kMigrator : Role::kAdmin, migration.Workloads());
}

}  // namespace numalocality
