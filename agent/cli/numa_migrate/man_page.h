// The manual page, made of the command line's own description so that the two never differ.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MAN_PAGE_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MAN_PAGE_H_

#include <CLI/CLI.hpp>
#include <string>

namespace numalocality::numa_migrate {

// In section 1, in the language of man(7): all options by group, the subcommands with theirs, and
// the footer. Options without a group are left out.
std::string ManPage(const CLI::App& app);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MAN_PAGE_H_
