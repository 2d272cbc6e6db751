// A fake machine: the fake kernel together with the /proc, /sys and cgroup files
// that it would show.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_MACHINE_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_MACHINE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/context.h"
#include "agent/os/base/host.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/fake_kernel.h"
#include "tests/unit/fake/fake_process.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality {

struct FakeNode {
  int id = 0;
  std::string cpus;  // as in cpulist
  int64_t total_pages = 65536;
  int64_t free_pages = 60000;
  bool has_memory = true;
};

// Files show what was true when they were last written: processes by Publish, cgroups by
// AddCgroup, free memory always.
class FakeMachine {
 public:
  // Nodes 0 (CPUs 0-3) and 1 (CPUs 4-7).
  FakeMachine() : FakeMachine({{0, "0-3"}, {1, "4-7"}}) {}
  // Distances: 10 to itself, 20 to all others, unless given: a row a node, in the order of ids.
  explicit FakeMachine(const std::vector<FakeNode>& nodes, std::vector<std::string> distances = {});

  const Host& host() const { return host_; }
  FakeKernel& kernel() { return kernel_; }
  const FakeClock& clock() const { return clock_; }
  TempTree& tree() { return tree_; }
  EngineContext context() {
    EngineContext context{kernel_, clock_, host_, {}};
    context.longest_hold = absl::Minutes(1);
    return context;
  }

  // A process of one thread that may run on `cpus`, with all memory nodes allowed. Its memory is
  // the caller's to fill in; then Publish.
  std::shared_ptr<FakeProcess> AddProcess(pid_t pid, const std::string& cpus = "0-3",
                                          const std::string& cgroup = "/");
  void Publish(const FakeProcess& process);
  // pagemap cannot be opened any more, not by root either.
  void DenyPagemap(pid_t pid);

  void Exit(pid_t pid);          // reaped: nothing is left of it
  void BecomeZombie(pid_t pid);  // maps and pagemap are empty
  // The process lives on in thread `tid`, which has the memory from now on.
  void EndMainThread(pid_t pid, pid_t tid);
  // Exits, and a stranger gets the PID.
  std::shared_ptr<FakeProcess> Replace(pid_t pid);

  // A cgroup with all CPUs and all memory nodes, to which `pids` move; cgroups above it are made,
  // too.
  void AddCgroup(const std::string& path, const std::vector<pid_t>& pids = {});
  void WriteCgroupFile(const std::string& path, const std::string& name, const std::string& text);
  // Before the first AddCgroup: memory, cpuset and hugetlb have a tree of cgroup v1 each, and
  // hybrid hosts an unused one of v2 beside them.
  void UseCgroupV1(bool hybrid = false);
  void RemoveCgroup(const std::string& path);
  // Another cgroup under the same name.
  void RecreateCgroup(const std::string& path, const std::vector<pid_t>& pids = {});

  // Makes page frame numbers visible, and the nodes of memory blocks: 8 blocks of 128 MiB per node.
  // Processes published from now on have frame numbers in their pagemap.
  void ShowFrames();

  // The node is removed, and its CPUs with it. For machines on which all nodes have memory.
  void TakeOffline(int node);

  void SetHugePages(bool enabled);
  // The allocator withholds `withheld_pages` of the free pages.
  void SetFreePages(int node, int64_t free_pages, int64_t withheld_pages = 0);
  // What all processes have mapped of files and shared memory; without it, the node does not say.
  void SetMappedPages(int node, int64_t pages);
  // The node has clean inactive page cache, and watermarks at 1000, 1250 and 1500 pages.
  void SetPageCache(int node, int64_t cache_pages);
  // Shows free memory and page cache; without another FakeKernel::OnMoved it is shown after each
  // move.
  void WriteMeminfo(const std::map<int, FakeMemory>& memory);
  // /proc/vmstat, as far as the agent reads it.
  void WriteReclaimCounters(int64_t refaulted, int64_t reclaimed, int64_t reclaimed_anon = 0);

 private:
  static Host PathsBelow(const std::string& root) {
    Host host = Host::Below(root);
    host.page_bytes = kFakePage;
    return host;
  }
  std::string ProcPath(pid_t pid, const std::string& name) const;
  void WriteStat(const FakeProcess& process, pid_t tid, const std::string& path);
  // Directories of a cgroup, one on v2; and a file of it, in the tree of its controller.
  std::vector<std::string> CgroupPaths(const std::string& path) const;
  std::string CgroupFile(const std::string& path, const std::string& name) const;
  std::string ProcessCgroups(const std::string& path) const;  // as in /proc/PID/cgroup
  void WritePagemap(const FakeProcess& process);

  TempTree tree_;
  const Host host_ = PathsBelow(tree_.root());
  FakeClock clock_;
  FakeKernel kernel_{clock_};
  bool shows_frames_ = false;
  bool cgroup_v1_ = false;
  std::string all_cpus_;
  NodeSet memory_nodes_;
  std::map<int, std::pair<int64_t, int64_t>> written_pages_;  // free, page cache
  std::map<int, int64_t> mapped_pages_;
  int graves_ = 0;  // directories put aside
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_MACHINE_H_
