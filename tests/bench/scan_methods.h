// Ways to find out where a process's pages are, to be compared. Each ends the program with a
// message if it fails.
#ifndef TESTS_BENCH_SCAN_METHODS_H_
#define TESTS_BENCH_SCAN_METHODS_H_

#include <sys/types.h>

#include <cstdint>

#include "agent/model/ids.h"

namespace numalocality::bench {

// The project's scanner, in as many threads as asked for, each with its part of `range`. Returns
// how many pages are resident. `is_on_one_node`: passed to the scanner, as the agent does where the
// cgroup's totals show it.
int64_t ScanByUs(pid_t pid, AddressRange range, int threads, bool is_on_one_node);

// A bare loop of move_pages(2) queries over all addresses, 4096 a call.
int64_t ScanByQueries(pid_t pid, AddressRange range);

// Reads numa_maps as `numastat -p` does, 1 KiB at a time. Returns its size.
int64_t ReadNumaMaps(pid_t pid);

// Takes CAP_SYS_ADMIN from the calling thread, or gives it back.
void SetSysAdmin(bool has_it);

}  // namespace numalocality::bench

#endif  // TESTS_BENCH_SCAN_METHODS_H_
