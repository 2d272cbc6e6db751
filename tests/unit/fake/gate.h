// A latch, for tests in which one thread must wait until another has come to some point.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_GATE_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_GATE_H_

#include <condition_variable>
#include <mutex>

namespace numalocality {

// Closed at first; whoever waits goes on once it is open.
class Gate {
 public:
  void Open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_GATE_H_
