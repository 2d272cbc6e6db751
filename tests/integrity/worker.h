// One thread of the workload: it writes its own pages, and checks every word it reads of its own
// and of its neighbour's pages.
#ifndef TESTS_INTEGRITY_WORKER_H_
#define TESTS_INTEGRITY_WORKER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tests/integrity/commands.h"
#include "tests/integrity/memory.h"
#include "tests/integrity/page_check.h"
#include "tests/integrity/random.h"
#include "tests/integrity/report.h"
#include "tests/integrity/tally.h"

namespace numalocality::integrity {

class Worker {
 public:
  // `own` and `peer` are slices of `memory`, and may be the same. All references outlive the
  // worker.
  Worker(Memory& memory, const Slice& own, const Slice& peer, const Extent& extent, Tally& tally,
         const Report& report);

  // Writes the first version of every page of its slice: the pages become resident on the node
  // of this thread.
  void Populate();

  // Operates until the stop command, then checks its slice once more. Operations begin
  // `interval_ns` after the one before (0: at once); `idle`: there are none, except at a command
  // to check.
  void Run(Commands& commands, bool idle, int64_t interval_ns);

 private:
  // One operation on random pages: mostly a read of a line, sometimes a rewrite of a page.
  void Operate();
  void ReadLine(const Slice& slice);
  void Rewrite(size_t page);
  void CheckSlice();

  // Reads and checks `count` words; counts, reports and repairs wrong ones.
  void Check(const Slice& slice, size_t page, size_t first, size_t count);
  std::optional<Finding> Look(const Slice& slice, size_t page, size_t first, size_t count);
  void Record(const Slice& slice, size_t page, const Finding& finding);
  void WritePage(size_t page, uint32_t version);

  Memory& memory_;
  const Slice own_;
  const Slice peer_;
  const Extent extent_;
  Tally& tally_;
  const Report& report_;
  Random random_;
  int reported_ = 0;
};

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_WORKER_H_
