// Negative controls: pages damaged on purpose, which the workers must find. They show that the
// checks work.
#ifndef TESTS_INTEGRITY_CONTROL_H_
#define TESTS_INTEGRITY_CONTROL_H_

#include <stop_token>

#include "tests/integrity/memory.h"

namespace numalocality::integrity {

enum class Control {
  kTorn,       // a page is copied in two halves with a write in between, and put back
  kStale,      // a page is copied, written by its owner, and put back as it was
  kMisplaced,  // a page is put in the place of another
  kZeroed,     // a page is put back empty
  kCorrupt,    // one bit of a page is flipped
};

// Damages pages of `memory`, some a second, until asked to stop. kTorn and kStale need workers that
// write.
void RunControl(Control control, Memory& memory, const std::stop_token& stop);

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_CONTROL_H_
