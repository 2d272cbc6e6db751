// One process of the workload: its memory, its worker threads, and the signals that it handles.
#ifndef TESTS_INTEGRITY_PROCESS_H_
#define TESTS_INTEGRITY_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/integrity/memory.h"
#include "tests/integrity/options.h"
#include "tests/integrity/page_check.h"
#include "tests/integrity/report.h"
#include "tests/integrity/tally.h"

namespace numalocality::integrity {

// The message of a process to its supervisor, through a pipe, once its memory is populated.
struct ReadyMessage {
  pid_t pid;
  const void* start;
  const void* end;
  size_t pinned_pages;
};

struct ProcessSpec {
  uint32_t first_owner;  // workers own slices under this and the following numbers
  Memory* shared;        // all processes'; populated. Null: this process maps separate memory
  size_t first_page;     // of this process, in the shared memory
  size_t page_count;
  Extent extent;
  std::span<Tally> tallies;  // one a worker
  bool runs_control;
  int ready_pipe;  // closed after the ReadyMessage
};

// Writes the pages of a process whose memory is shared, before it is forked.
void PopulateShared(const Options& options, const ProcessSpec& spec, const Report& report);

// Runs until SIGTERM; checks all memory at SIGUSR1 and before it returns. REQUIRES: no other thread
// in this process; SIGTERM and SIGUSR1 blocked.
void RunProcess(const Options& options, const ProcessSpec& spec, const Report& report);

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_PROCESS_H_
