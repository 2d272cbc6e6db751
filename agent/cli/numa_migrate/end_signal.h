// SIGINT, SIGTERM and SIGHUP as a request to end, which the commands check between steps.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_

namespace numalocality::numa_migrate {

// From now on these signals are only counted, starting from 0. SIGHUP stays ignored if it is, as
// nohup requires. Also ignores SIGPIPE, so that a reader that has gone does not end a migration
// halfway.
void CatchEndSignals();

// The first signal since then; 0 for none.
int EndSignal();

// The number of signals since then.
int EndSignalCount();

// Blocks or unblocks these signals in the calling thread. While a thread is in a kernel call that
// may stall, another thread must receive them.
void LeaveEndSignalsToOthers(bool leave);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_END_SIGNAL_H_
