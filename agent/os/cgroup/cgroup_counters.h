// The files of one cgroup that tell where its memory and its threads are, kept open: a look costs
// one system call a file (a page of it, for lists), and what has not changed need not be parsed
// again.
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

// How the kernel makes a file of its own.
enum class FileShape {
  kOneRecord,  // all at once: one read gets as much as fits into the buffer
  kLines,      // line by line, about a page a read
};

// One file that is read again and again.
class KeptFile {
 public:
  KeptFile(ScopedFd fd, std::string name, FileShape shape)
      : fd_(std::move(fd)), name_(std::move(name)), shape_(shape) {}

  // Reads it anew; whether it differs from the last time. NOT_FOUND once what it describes is gone.
  absl::StatusOr<bool> Refresh();
  const std::string& text() const { return text_; }

  // Opens it anew, in its directory, for files whose content stays as it was when they were opened.
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
  // NOT_FOUND if the cgroup is gone. A controller that is not enabled there is left out: its values
  // stay empty.
  static absl::StatusOr<CgroupCounters> Open(const Host& host, const std::string& path);

  // The kernel's id of the cgroup.
  uint64_t id() const { return id_; }

  // Reads all anew; whether anything differs from the last time. NOT_FOUND once the cgroup is gone.
  absl::StatusOr<bool> Refresh();

  // Whether there are cgroups below, whose threads are not in thread_ids(). One system call.
  absl::StatusOr<bool> HasChildren() const;

  // As of the last Refresh.
  bool counts_memory() const { return !memory_files_.empty(); }
  const MemoryByNode& memory() const { return memory_; }  // as CgroupDir::ReadMemory
  const NodeSet& allowed_nodes() const { return allowed_nodes_; }
  const std::vector<pid_t>& thread_ids() const { return thread_ids_; }  // 0s left out
  int hidden_count() const { return hidden_count_; }  // threads outside the PID namespace
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
  ScopedFd directory_;  // in the tree of memory
  uint64_t id_ = 0;
  std::vector<KeptFile> memory_files_;  // memory.numa_stat, then hugetlb.*.numa_stat
  std::vector<KeptFile> node_files_;    // the effective nodes, or none as yet
  std::vector<KeptFile> thread_files_;  // the list of threads
  MemoryByNode memory_;
  NodeSet allowed_nodes_;
  std::vector<pid_t> thread_ids_;
  int hidden_count_ = 0;
  int process_count_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_COUNTERS_H_
