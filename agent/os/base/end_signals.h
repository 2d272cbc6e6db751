// The signals that end a program that serves: SIGTERM and SIGINT.
#ifndef NUMALOCALITY_AGENT_OS_BASE_END_SIGNALS_H_
#define NUMALOCALITY_AGENT_OS_BASE_END_SIGNALS_H_

#include <signal.h>

namespace numalocality {

// Blocks these signals in this thread and all threads that it starts later, and returns them: for
// sigwait(3) or sigtimedwait(2).
sigset_t BlockEndSignals();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_END_SIGNALS_H_
