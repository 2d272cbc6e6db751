// Pages that cannot move: each carries an extra reference, as pages under direct I/O or RDMA do.
#ifndef TESTS_INTEGRITY_PIN_H_
#define TESTS_INTEGRITY_PIN_H_

#include <cstddef>

#include "tests/integrity/memory.h"

namespace numalocality::integrity {

// Lends the first page of every `every` of `memory` to pipes that nobody reads (vmsplice(2)), until
// this process exits. Returns how many. Ends the process on failure.
size_t PinPages(const Memory& memory, size_t every);

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_PIN_H_
