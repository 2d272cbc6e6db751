// Which sources of names the configuration asks for.
#ifndef NUMALOCALITY_AGENT_RUNTIME_NAME_SOURCES_H_
#define NUMALOCALITY_AGENT_RUNTIME_NAME_SOURCES_H_

#include <memory>
#include <vector>

#include "agent/engine/workload/name_source.h"
#include "agent/model/configuration.h"

namespace numalocality {

// The best first, as NameDirectory wants them: the container runtime, kubelet's pod-resources API,
// its state files, the names of pods' logs. Those whose option is empty are left out.
std::vector<std::unique_ptr<NameSource>> MakeNameSources(const SourceOptions& options);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_NAME_SOURCES_H_
