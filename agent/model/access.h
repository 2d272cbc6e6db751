// What a client of the API may do: roles by identity and namespace, and the rules that need them.
// Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_ACCESS_H_
#define NUMALOCALITY_AGENT_MODEL_ACCESS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/model/enum_table.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// Each role includes those before it.
enum class Role {
  kViewer,    // reads placements and records
  kMigrator,  // migrates and reserves; cancels its own migrations
  kAdmin,     // may do everything
};
const EnumTable<Role>& TableOf(Role);

// A role that the configuration grants to the clients with an identity.
struct ApiClient {
  std::string identity;  // as IdentityOf a certificate
  Role role = Role::kViewer;
  // Where; empty: in all namespaces, and for what belongs to none or to an unknown one.
  std::vector<std::string> namespaces;
  bool operator==(const ApiClient&) const = default;
};

// Whether text may be the identity in a client's certificate: printable ASCII, not too long.
bool IsPrintableIdentity(absl::string_view text);

// Whether an identity is that of a container on the self socket (Access::Self), and not a URI such
// as "self://x".
bool IsSelfIdentity(absl::string_view identity);

// One client's rights. Errors are PERMISSION_DENIED with the details of kRoleMissing.
class Access {
 public:
  // All rights.
  static Access Full(std::string identity) {
    return {std::move(identity), {ApiClient{{}, Role::kAdmin, {}}}};
  }
  // Those of a viewer of all namespaces, on the viewer socket.
  static Access Viewer(std::string identity);
  // The rights that `clients` grant to `identity`: none if no client is named so.
  static Access Granted(const std::string& identity, const std::vector<ApiClient>& clients);
  // The rights of a process in `container`, a container of a pod: those of a migrator for this
  // container, its processes and its addresses; none for anything else.
  static Access Self(const Workload& container);

  const std::string& identity() const { return identity_; }
  // Whether it is a container on the self socket.
  bool is_self() const { return own_.has_value(); }

  // OK if the client has `role`, or one that includes it, in the namespace. "": in all.
  absl::Status Check(Role role, absl::string_view pod_namespace) const;
  // OK if it has any role in any namespace: for what belongs to no namespace and harms none.
  absl::Status CheckKnown() const;

  // Whether it may read what belongs to any namespace.
  bool SeesAll() const { return Check(Role::kViewer, "").ok(); }

  // Of a workload that `selector` names: `role`, but kAdmin if it is named by PID or cgroup path.
  absl::Status CheckNamed(Role role, const WorkloadSelector& selector,
                          const Workload& workload) const;
  // Of a workload that a request for a migration names by `selector`.
  absl::Status CheckMigrate(const MigrationRequest& request, const WorkloadSelector& selector,
                            const Workload& workload) const;
  // An evacuation moves workloads of all namespaces.
  absl::Status CheckEvacuate() const { return Check(Role::kAdmin, ""); }

  // In the namespaces of all `workloads`.
  absl::Status CheckAll(Role role, const std::vector<Workload>& workloads) const;
  // The record of a migration: all its workloads.
  absl::Status CheckSee(const Migration& migration) const;
  // Its own migrations with kMigrator, those of others with kAdmin.
  absl::Status CheckCancel(const Migration& migration) const;

 private:
  Access(std::string identity, std::vector<ApiClient> grants)
      : identity_(std::move(identity)), grants_(std::move(grants)) {}

  bool Has(Role role, absl::string_view pod_namespace) const;
  absl::Status CheckOwn(Role role, const Workload& workload) const;
  absl::Status Missing(Role role, absl::string_view pod_namespace) const;

  std::string identity_;
  std::vector<ApiClient> grants_;
  std::optional<Workload> own_;  // see Self
  bool is_on_viewer_socket_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_ACCESS_H_
