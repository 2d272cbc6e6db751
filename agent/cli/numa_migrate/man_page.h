// The man page, made from the declarations of the options.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MAN_PAGE_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MAN_PAGE_H_

#include <string>

namespace CLI {
class App;
}

namespace numalocality::numa_migrate {

// The manual page for section 1, in the format of man(7): all options by group, the subcommands
// with their options, and the footer. Options without a group are omitted.
std::string ManPage(const CLI::App& app);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MAN_PAGE_H_
