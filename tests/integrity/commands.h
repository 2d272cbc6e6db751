// The commands of a process to its workers: check all of your memory, and finally stop.
#ifndef TESTS_INTEGRITY_COMMANDS_H_
#define TESTS_INTEGRITY_COMMANDS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace numalocality::integrity {

// One thread gives commands; the workers answer each change of `current()`.
class Commands {
 public:
  explicit Commands(size_t workers) : workers_(workers) {}

  // Returns when every worker has checked its slice.
  void CheckAll() { Ask(kCheck); }
  // The same; the workers end afterwards.
  void Stop() { Ask(kCheck | kStop); }

  uint32_t current() const { return command_; }
  static bool MeansStop(uint32_t command) { return (command & kStop) != 0; }
  // Sleeps while `current()` is `seen`.
  void AwaitChange(uint32_t seen) const { command_.wait(seen); }
  // Called by a worker that has finished a command.
  void Done() {
    if (--pending_ == 0) pending_.notify_all();
  }

 private:
  static constexpr uint32_t kStop = 1;
  static constexpr uint32_t kCheck = 2;  // counted up, so that each request is a change

  void Ask(uint32_t change) {
    pending_ = workers_;
    command_ += change;
    command_.notify_all();
    for (size_t left = pending_; left != 0; left = pending_) pending_.wait(left);
  }

  const size_t workers_;
  std::atomic<uint32_t> command_ = 0;
  std::atomic<size_t> pending_ = 0;
};

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_COMMANDS_H_
