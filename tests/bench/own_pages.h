// Where this process's own memory is, and putting it there: the same state before each measurement.
#ifndef TESTS_BENCH_OWN_PAGES_H_
#define TESTS_BENCH_OWN_PAGES_H_

#include <cstddef>
#include <functional>
#include <map>

#include "tests/integrity/memory.h"

namespace numalocality::bench {

// Pages by node; those that are not present are left out.
std::map<int, size_t> CountByNode(const integrity::Memory& memory);

// Moves each page that is present to node_of(page), as far as the kernel can: pages with another
// reference stay. Ends the process if the kernel refuses altogether.
void Place(const integrity::Memory& memory, const std::function<int(size_t page)>& node_of);

}  // namespace numalocality::bench

#endif  // TESTS_BENCH_OWN_PAGES_H_
