// One migrating move_pages(2) call, step by step as do_pages_move() of mm/migrate.c has them.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_MOVE_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_MOVE_H_

#include <map>
#include <vector>

#include "absl/types/span.h"
#include "tests/unit/fake/fake_kernel.h"
#include "tests/unit/fake/fake_process.h"

namespace numalocality {

class FakeMove {
 public:
  FakeMove(FakeProcess& process, std::map<int, FakeMemory>& memory,
           absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
           absl::Span<int> status, MoveFlag flag)
      : process_(process),
        memory_(memory),
        addresses_(addresses),
        nodes_(nodes),
        status_(status),
        flag_(flag) {}

  // Returns 0, the number of pages that were not moved or not tried, or -errno. With
  // `error_number`, entry `fail_at` cannot be read or is refused with it.
  int Run(size_t fail_at, int error_number);

 private:
  static constexpr int kNoNode = -1;

  // -errno if pages may not go to `node`.
  int CheckTarget(int node) const;
  // 1 if the page was put into the queue, 0 if it stays where it is, else -errno.
  int Queue(uint64_t address, int node);
  // Moves the queue and, if all of it moved, writes the status of entries [start_, end).
  int Flush(int node, size_t end);

  FakeProcess& process_;
  std::map<int, FakeMemory>& memory_;
  const absl::Span<const uint64_t> addresses_;
  const absl::Span<const int> nodes_;
  const absl::Span<int> status_;
  const MoveFlag flag_;
  std::vector<FakeFolio*> queue_;
  size_t start_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_MOVE_H_
