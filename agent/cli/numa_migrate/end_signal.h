// SIGINT and SIGTERM as a wish to end that is looked at between steps.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_

namespace numalocality {

// From now on neither signal ends this process; forgets those that came before.
void CatchEndSignals();

// The first that came since; 0 for none.
int EndSignal();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_
