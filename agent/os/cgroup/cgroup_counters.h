// The memory and threads of one cgroup, from files that stay open between reads
// (Documentation/admin-guide/cgroup-v2.rst). A read costs one system call for each file (lists: one
// for each page of it), and files that have not changed are not parsed again.
#ifndef NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_COUNTERS_H_
#define NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_COUNTERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/id_set.h"
#include "agent/model/placement.h"
#include "agent/os/base/file.h"
#include "agent/os/base/host.h"
#include "agent/os/cgroup/cgroup_layout.h"

namespace numalocality {

// How the kernel produces the content of a file.
enum class FileShape {
  kOneRecord,  // all at once: one read returns as much as fits into the buffer
  kLines,      // line by line: a read returns about a page
};

// One file that is read repeatedly.
class KeptFile {
 public:
  KeptFile(ScopedFd fd, std::string name, FileShape shape)
      : fd_(std::move(fd)), name_(std::move(name)), shape_(shape) {}

  // Reads the file again. True if it differs from the previous read. NOT_FOUND if the cgroup has
  // been removed.
  absl::StatusOr<bool> Refresh();
  const std::string& text() const { return text_; }

  // Opens the file again in its directory: for files whose content is fixed when they are opened.
  absl::Status Reopen(int directory_fd);

 private:
  ScopedFd fd_;
  std::string name_;
  FileShape shape_;
  std::string text_;
};

// Not thread-safe. Each open file costs the kernel about 5 KiB.
class CgroupCounters {
 public:
  // NOT_FOUND if the cgroup does not exist. If a controller is not enabled there, its values stay
  // empty.
  static absl::StatusOr<CgroupCounters> Open(const Host& host, const std::string& path);

  // The kernel's id of the cgroup.
  uint64_t id() const { return id_; }

  // Reads the memory and the allowed nodes again, which takes the same time for any cgroup. True if
  // they differ. NOT_FOUND as below.
  absl::StatusOr<bool> RefreshCounters();

  // Reads all files again. RESOURCE_EXHAUSTED if a list is larger than 4 MiB: the counters are new
  // in this case, too. True if anything differs from the previous read. NOT_FOUND if the cgroup
  // has been removed.
  absl::StatusOr<bool> Refresh();

  // Whether the cgroup has children, whose threads are not in thread_ids(). Takes one system call.
  absl::StatusOr<bool> HasChildren() const;

  // Values of the last Refresh.
  bool counts_memory() const { return !memory_files_.empty(); }
  const MemoryByNode& memory() const { return memory_; }  // see CgroupDir::ReadMemory
  const NodeSet& allowed_nodes() const { return allowed_nodes_; }
  const std::vector<pid_t>& thread_ids() const { return thread_ids_; }  // without 0s
  int hidden_count() const { return hidden_count_; }  // threads outside the reader's PID namespace
  int process_count() const { return process_count_; }

 private:
  CgroupCounters(CgroupLayout layout, std::string path, ScopedFd directory)
      : layout_(std::move(layout)), path_(std::move(path)), directory_(std::move(directory)) {}

  absl::Status OpenFiles();
  absl::Status OpenHugetlbFiles();
  absl::StatusOr<bool> RefreshMemory();
  absl::StatusOr<bool> RefreshNodes();
  absl::StatusOr<bool> RefreshThreads();

  CgroupLayout layout_;
  std::string path_;
  ScopedFd directory_;  // in the memory controller's tree
  uint64_t id_ = 0;
  std::vector<KeptFile> memory_files_;  // memory.numa_stat, then hugetlb.*.numa_stat
  std::vector<KeptFile> node_files_;    // the effective nodes; empty if not found yet
  std::vector<KeptFile> thread_files_;  // the list of threads
  MemoryByNode memory_;
  NodeSet allowed_nodes_;
  std::vector<pid_t> thread_ids_;
  int hidden_count_ = 0;
  int process_count_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_COUNTERS_H_
