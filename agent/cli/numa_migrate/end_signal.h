// SIGINT, SIGTERM and SIGHUP as a wish to end that is looked at between steps.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_

namespace numalocality::numa_migrate {

// From now on none of them ends this process; forgets those that came before. SIGHUP stays ignored
// if it is: nohup asks for that. Nor does SIGPIPE end it: a reader that has gone is no reason to
// leave things half done.
void CatchEndSignals();

// The first that came since; 0 for none.
int EndSignal();

// How many came since.
int EndSignalCount();

// Whether the calling thread takes none of them until it is told otherwise, so that another one
// must: a thread that is stuck in the kernel would never get to it.
void LeaveEndSignalsToOthers(bool leave);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_
