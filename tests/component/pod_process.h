// A process that makes connections for a test, so that the kernel names it as their peer: a process
// in a container, for a server that knows its clients by PID.
#ifndef NUMALOCALITY_TESTS_COMPONENT_POD_PROCESS_H_
#define NUMALOCALITY_TESTS_COMPONENT_POD_PROCESS_H_

#include <sys/types.h>

#include <string>

#include "agent/os/base/file.h"

namespace numalocality {

// Lives from construction to destruction.
class PodProcess {
 public:
  PodProcess();
  ~PodProcess();
  PodProcess(const PodProcess&) = delete;
  PodProcess& operator=(const PodProcess&) = delete;

  pid_t pid() const { return pid_; }

  // A blocking connection to the unix socket at `path`; invalid if connect(2) failed. The process
  // connects, and the test has the descriptor.
  ScopedFd Connect(const std::string& path);

 private:
  pid_t pid_ = 0;
  ScopedFd channel_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_POD_PROCESS_H_
