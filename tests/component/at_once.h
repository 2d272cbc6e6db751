// The same work in many threads at the same time.
#ifndef NUMALOCALITY_TESTS_COMPONENT_AT_ONCE_H_
#define NUMALOCALITY_TESTS_COMPONENT_AT_ONCE_H_

#include <functional>
#include <latch>
#include <thread>
#include <vector>

namespace numalocality {

// Calls work(0) to work(count - 1), each in a thread of its own, once all threads have started.
inline void AtOnce(int count, const std::function<void(int)>& work) {
  std::latch started(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      started.arrive_and_wait();
      work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_AT_ONCE_H_
