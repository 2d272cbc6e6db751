// The command line of integrity-workload.
#ifndef TESTS_INTEGRITY_OPTIONS_H_
#define TESTS_INTEGRITY_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/integrity/control.h"
#include "tests/integrity/memory.h"

namespace numalocality::integrity {

struct Options {
  size_t bytes = size_t{256} << 20;  // of all processes together
  size_t workers = 2;                // threads, in each process
  size_t processes = 1;
  HugePages huge_pages = HugePages::kNever;
  Sharing sharing = Sharing::kNone;
  std::string mapped_file;  // in addition to the memory under test; empty: none
  bool idle = false;
  uint64_t operations_per_second = 0;  // of all workers together; 0: as many as they can
  size_t pin_every = 0;                // one page in so many; 0: none
  std::optional<Control> control;
  unsigned seconds = 0;  // 0: until a signal
  std::string report;
};

// Ends the process after an error message or the help text.
Options ParseOptions(int argc, char** argv);

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_OPTIONS_H_
