// How a migration went, or would go, as people read it. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_RESULT_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_RESULT_TEXT_H_

#include <string>

#include "numalocality/v1/migration.pb.h"

namespace numalocality::localityctl {

// The whole story of one that has ended: state, and for each workload the outcomes of its pages
// with what to do about those left, memory before and after, what became of it later, and what it
// took.
std::string ResultText(const v1::Migration& migration);

// What a migration that was only planned would do.
std::string PlanText(const v1::Migration& plan);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_RESULT_TEXT_H_
