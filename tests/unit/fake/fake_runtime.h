// A container runtime that writes cpuset.mems of the fake host's containers.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_RUNTIME_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_RUNTIME_H_

#include <functional>
#include <string>
#include <vector>

#include "agent/engine/workload/container_resources.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality {

// Not thread-safe: read it when nothing runs.
class FakeRuntime final : public ContainerResources {
 public:
  // Of one container, in the cgroup at `cgroup`.
  FakeRuntime(FakeMachine& machine, const std::string& cgroup)
      : machine_(machine), cgroup_(cgroup) {}

  absl::Status SetMems(const std::string& container_id, const NodeSet& nodes) override {
    container_ids.push_back(container_id);
    writes.push_back(nodes.ToString());
    if (!status.ok()) return status;
    Write(nodes.ToString());
    if (on_write) on_write(nodes);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Describe() override {
    if (!status.ok()) return status;
    return "fake v1";
  }
  std::string address() const override { return "/run/fake.sock"; }

  // As another program, or the runtime, would.
  void Write(const std::string& nodes) {
    machine_.WriteCgroupFile(cgroup_, "cpuset.mems", nodes + "\n");
    machine_.WriteCgroupFile(cgroup_, "cpuset.mems.effective", nodes + "\n");
  }

  absl::Status status;  // what every call ends with
  std::function<void(const NodeSet&)> on_write;
  std::vector<std::string> writes;
  std::vector<std::string> container_ids;

 private:
  FakeMachine& machine_;
  const std::string cgroup_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_RUNTIME_H_
