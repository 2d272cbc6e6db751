// The name sources that the configuration asks for.
#ifndef NUMALOCALITY_AGENT_RUNTIME_NAME_SOURCES_H_
#define NUMALOCALITY_AGENT_RUNTIME_NAME_SOURCES_H_

#include <memory>
#include <vector>

#include "agent/engine/workload/name_source.h"
#include "agent/model/configuration.h"
#include "agent/os/base/host.h"

namespace numalocality {

// Constructs the configured name sources, the most reliable first, as NameDirectory expects: the
// container runtime, kubelet's pod-resources API, kubelet's state files, the names of pods' log
// files. A source whose option is empty is left out. `host`: where containers are found that the
// runtime must be asked for one by one.
std::vector<std::unique_ptr<NameSource>> MakeNameSources(const SourceOptions& options,
                                                         const Host& host);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_NAME_SOURCES_H_
