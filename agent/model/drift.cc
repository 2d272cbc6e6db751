#include "agent/model/drift.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace numalocality {
namespace {

// The options that would prevent each cause.
struct Remedies {
  absl::string_view balancing_to_threads;
  absl::string_view balancing;
  absl::string_view threads;
  absl::string_view policy;
};

Remedies RemediesOf(DriftAdvice advice) {
  switch (advice) {
    case DriftAdvice::kNumaMigrate:
      return {"--pin-threads, or --numa-balancing off while numa-migrate runs",
              "--numa-balancing off while numa-migrate runs, or kernel.numa_balancing=0",
              "--pin-threads or --policy bind", "--policy bind"};
    case DriftAdvice::kAgent: break;
  }
  return {"stick cpuset-mems, CPUs of the target only (cpuset.cpus), or kernel.numa_balancing=0",
          "stick cpuset-mems, or kernel.numa_balancing=0",
          "stick cpuset-mems, or CPUs of the target only (cpuset.cpus)", "stick cpuset-mems"};
}

}  // namespace

std::vector<DriftCause> LikelyCauses(const DriftFacts& facts, DriftAdvice advice) {
  const Remedies remedies = RemediesOf(advice);
  const std::string where =
      absl::StrCat("its threads may run on node ", facts.thread_nodes.ToString());
  std::vector<DriftCause> causes;
  const auto add = [&causes](absl::string_view code, absl::string_view cause,
                             absl::string_view remedy) {
    causes.push_back({std::string(code), std::string(cause), std::string(remedy)});
  };
  if (facts.balancing && !facts.thread_nodes.empty()) {
    add("numa_balancing",
        absl::StrCat("automatic NUMA balancing is on and ", where,
                     ": the kernel moves pages to the CPUs that use them"),
        remedies.balancing_to_threads);
  } else if (facts.balancing) {
    add("numa_balancing", "automatic NUMA balancing is on", remedies.balancing);
  } else if (!facts.thread_nodes.empty()) {
    add("threads_elsewhere",
        absl::StrCat(where, ": memory that they free and allocate again is placed there"),
        remedies.threads);
  }
  if (!facts.policy_nodes.empty()) {
    add("memory_policy",
        absl::StrCat("memory policies of the process ask for node ", facts.policy_nodes.ToString(),
                     ": memory that it frees and allocates again is placed there"),
        remedies.policy);
  }
  if (!causes.empty() || advice == DriftAdvice::kNumaMigrate) return causes;
  if (facts.unread.empty()) {
    add("unexplained",
        "neither automatic NUMA balancing, nor threads on other nodes, nor the memory policy of "
        "the process explain it; memory policies of single mappings, which the agent does not "
        "read, may be the cause",
        remedies.policy);
  } else {
    add("facts_unread",
        absl::StrCat("unknown, because these facts could not be read: ",
                     absl::StrJoin(facts.unread, ", ")),
        remedies.policy);
  }
  return causes;
}

}  // namespace numalocality
