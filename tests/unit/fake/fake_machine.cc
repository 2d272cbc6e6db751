#include "tests/unit/fake/fake_machine.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace numalocality {
namespace {

constexpr char kNodes[] = "sys/devices/system/node";

// Bits of a pagemap entry.
constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr uint64_t kSwapped = uint64_t{1} << 62;
constexpr uint64_t kFile = uint64_t{1} << 61;

constexpr uint64_t kBlockBytes = uint64_t{128} << 20;
constexpr uint64_t kBlocksPerNode = 8;
constexpr int64_t kPageKib = kFakePage / 1024;
constexpr uint64_t kFramesPerNode = kBlocksPerNode * kBlockBytes / kFakePage;
constexpr uint64_t kZeroFrame = 7;  // on node 0, as it is on real machines
constexpr uint64_t kExclusive = uint64_t{1} << 56;

std::string DefaultDistances(size_t row, size_t count) {
  std::vector<std::string> words(count, "20");
  words[row] = "10";
  return absl::StrJoin(words, " ");
}

}  // namespace

FakeMachine::FakeMachine(const std::vector<FakeNode>& nodes, std::vector<std::string> distances) {
  NodeSet online;
  CpuSet cpus;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const FakeNode& node = nodes[i];
    const std::string directory = absl::StrCat(kNodes, "/node", node.id);
    online.Insert(NodeId{node.id});
    cpus = cpus | CpuSet::Parse(node.cpus).value();
    tree_.Write(directory + "/cpulist", node.cpus + "\n");
    tree_.Write(directory + "/distance",
                (distances.empty() ? DefaultDistances(i, nodes.size()) : distances[i]) + "\n");
    if (node.has_memory) {
      kernel_.AddNode(node.id, node.total_pages, node.free_pages);
      memory_nodes_.Insert(NodeId{node.id});
    } else {
      tree_.Write(directory + "/meminfo", absl::StrFormat("Node %d MemTotal:       0 kB\n"
                                                          "Node %d MemFree:        0 kB\n",
                                                          node.id, node.id));
    }
  }
  all_cpus_ = cpus.ToString();
  tree_.Write(absl::StrCat(kNodes, "/online"), online.ToString() + "\n");
  tree_.Write(absl::StrCat(kNodes, "/has_memory"), memory_nodes_.ToString() + "\n");
  WriteMeminfo(kernel_.memory());
  kernel_.OnMoved([this](const auto& memory) { WriteMeminfo(memory); });
  SetHugePages(true);
  tree_.Link("proc/self/ns/pid", "pid:[4026531836]");
  FakeProcess init;
  init.pid = 1;
  init.stack_start = 0x7fff00000010;
  Publish(init);
  tree_.Write(CgroupFile("", "cgroup.controllers"), "cpuset cpu memory\n");
  tree_.Write(CgroupFile("", "cgroup.procs"), "");
}

std::shared_ptr<FakeProcess> FakeMachine::AddProcess(pid_t pid, const std::string& cpus,
                                                     const std::string& cgroup) {
  auto process = kernel_.AddProcess(pid);
  process->allowed_nodes = memory_nodes_;
  process->threads[pid] = CpuSet::Parse(cpus).value();
  process->cgroup = cgroup;
  Publish(*process);
  return process;
}

std::string FakeMachine::ProcPath(pid_t pid, const std::string& name) const {
  return absl::StrCat("proc/", pid, name.empty() ? "" : "/", name);
}

void FakeMachine::WriteStat(const FakeProcess& process, pid_t tid, const std::string& path) {
  const bool has_memory = process.HasMemory(tid);
  tree_.Write(path, absl::StrCat(tid, " (", process.command, ") ", has_memory ? "S" : "Z",
                                 " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 ", process.threads.size(),
                                 " 0 ", process.start_ticks, " 1000 100 18446744073709551615 ",
                                 has_memory ? 4096 : 0, " 8192 ",
                                 has_memory ? process.stack_start : 0, "\n"));
}

void FakeMachine::Publish(const FakeProcess& process) {
  const pid_t pid = process.pid;
  WriteStat(process, pid, ProcPath(pid, "stat"));
  tree_.Write(ProcPath(pid, "status"),
              absl::StrCat("Name:\t", process.command, "\nMems_allowed:\t3\nMems_allowed_list:\t",
                           process.allowed_nodes.ToString(), "\n"));
  tree_.Write(ProcPath(pid, "cgroup"), ProcessCgroups(process.cgroup));
  for (const auto& [tid, cpus] : process.threads) {
    tree_.MakeDirectory(ProcPath(pid, absl::StrCat("task/", tid)));
  }
  std::string maps;
  for (const FakeMapping& mapping : process.mappings) {
    absl::StrAppendFormat(&maps, "%x-%x rw-%c 00000000 %02x:%02x %d %s%s\n", mapping.range.start,
                          mapping.range.end, mapping.is_shared ? 's' : 'p',
                          mapping.file.device.major, mapping.file.device.minor, mapping.file.inode,
                          mapping.path.empty() ? "" : "                  ", mapping.path);
  }
  tree_.Write(ProcPath(pid, "maps"), maps);
  tree_.Write(
      ProcPath(pid, "mountinfo"),
      absl::StrFormat("30 1 %d:%d / /dev/shm rw - tmpfs shm rw\n"
                      "31 1 %d:%d / /dev/hugepages rw - hugetlbfs hugetlbfs rw\n",
                      kFakeShm.major, kFakeShm.minor, kFakeHugetlb.major, kFakeHugetlb.minor));
  WritePagemap(process);
}

void FakeMachine::WritePagemap(const FakeProcess& process) {
  std::map<uint64_t, std::vector<uint64_t>> entries;
  std::vector<uint64_t>* run = nullptr;
  uint64_t next = 0;
  uint64_t frames = kFakeHugePages;  // given away so far, on each node
  for (const auto& [address, folio] : process.pages) {
    if (run == nullptr || address != next) run = &entries[address / kFakePage * sizeof(uint64_t)];
    next = address + kFakePage;
    uint64_t entry = (folio->swapped ? kSwapped : kPresent) | (folio->file ? kFile : uint64_t{0}) |
                     (folio->shared || folio->zero_page ? uint64_t{0} : kExclusive);
    if (shows_frames_ && !folio->swapped) {
      const bool begins = folio->pages > 1 && address % kFakeHuge == 0;
      if (begins) frames = (frames / kFakeHugePages + 1) * kFakeHugePages;
      const uint64_t frame = static_cast<uint64_t>(folio->node) * kFramesPerNode + frames++;
      // The huge zero page has separate frames.
      entry |= folio->zero_page && folio->pages == 1 ? kZeroFrame : frame;
    }
    run->push_back(entry);
  }
  const std::string path = ProcPath(process.pid, "pagemap");
  tree_.Write(path, "");
  tree_.WriteWords(path, entries);
}

void FakeMachine::ShowFrames() {
  shows_frames_ = true;
  kernel_.set_zero_frame(kZeroFrame);
  tree_.Write("sys/devices/system/memory/block_size_bytes", absl::StrFormat("%x\n", kBlockBytes));
  for (const NodeId node : memory_nodes_) {
    const uint64_t first = static_cast<uint64_t>(node.value) * kBlocksPerNode;
    for (uint64_t block = first; block < first + kBlocksPerNode; ++block) {
      tree_.MakeDirectory(absl::StrCat(kNodes, "/node", node.value, "/memory", block));
    }
  }
}

void FakeMachine::DenyPagemap(pid_t pid) {
  // Write-only for everybody, root included: the kernel lets no capability override a sysctl's
  // mode.
  tree_.Remove(ProcPath(pid, "pagemap"));
  tree_.Link(ProcPath(pid, "pagemap"), "/proc/sys/vm/compact_memory");
}

void FakeMachine::Exit(pid_t pid) {
  kernel_.Exit(pid);
  tree_.Remove(ProcPath(pid, ""));
}

void FakeMachine::BecomeZombie(pid_t pid) {
  kernel_.BecomeZombie(pid);
  if (const auto process = kernel_.Find(pid); process != nullptr) {
    WriteStat(*process, pid, ProcPath(pid, "stat"));
  }
  tree_.Write(ProcPath(pid, "maps"), "");
  tree_.Write(ProcPath(pid, "pagemap"), "");
}

void FakeMachine::EndMainThread(pid_t pid, pid_t tid) {
  const std::shared_ptr<FakeProcess> process = kernel_.Find(pid);
  process->threads[tid] = process->threads[pid];
  process->main_thread_has_ended = true;
  const std::string thread = absl::StrCat("task/", tid, "/");
  WriteStat(*process, tid, ProcPath(pid, thread + "stat"));
  WriteStat(*process, pid, ProcPath(pid, "stat"));
  // Who has them open keeps the memory; who opens the main thread's finds them empty.
  for (const std::string name : {"maps", "pagemap"}) {
    tree_.Rename(ProcPath(pid, name), ProcPath(pid, thread + name));
    tree_.Write(ProcPath(pid, name), "");
  }
  for (const std::string name : {"status", "cgroup", "mountinfo"}) {
    tree_.Link(ProcPath(pid, thread + name), "../../" + name);
  }
}

std::shared_ptr<FakeProcess> FakeMachine::Replace(pid_t pid) {
  Exit(pid);
  auto stranger = kernel_.AddProcess(pid);
  stranger->start_ticks = 2000;
  stranger->command = "stranger";
  stranger->allowed_nodes = memory_nodes_;
  stranger->threads[pid] = CpuSet::Parse(all_cpus_).value();
  Publish(*stranger);
  return stranger;
}

std::vector<std::string> FakeMachine::CgroupPaths(const std::string& path) const {
  const std::string root = "sys/fs/cgroup";
  if (!cgroup_v1_) return {root + path};
  return {root + "/memory" + path, root + "/cpuset" + path, root + "/hugetlb" + path};
}

std::string FakeMachine::CgroupFile(const std::string& path, const std::string& name) const {
  const std::vector<std::string> directories = CgroupPaths(path);
  if (absl::StartsWith(name, "hugetlb.")) return directories.back() + "/" + name;
  const bool in_cpuset = cgroup_v1_ && absl::StartsWith(name, "cpuset.");
  return (in_cpuset ? directories[1] : directories[0]) + "/" + name;
}

void FakeMachine::UseCgroupV1(bool hybrid) {
  tree_.Remove("sys/fs/cgroup");
  cgroup_v1_ = true;
  for (const std::string& directory : CgroupPaths("")) {
    tree_.Write(directory + "/cgroup.procs", "");
    tree_.Write(directory + "/tasks", "");
    tree_.Write(directory + "/release_agent", "\n");
  }
  if (hybrid) tree_.Write("sys/fs/cgroup/unified/cgroup.controllers", "\n");
}

void FakeMachine::AddCgroup(const std::string& path, const std::vector<pid_t>& pids) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    for (const std::string& directory : CgroupPaths(path.substr(0, slash))) {
      const std::string procs = directory + "/cgroup.procs";
      if (!tree_.Exists(procs)) tree_.Write(procs, "");
    }
  }
  for (const std::string& directory : CgroupPaths(path)) tree_.MakeDirectory(directory);
  WriteCgroupFile(path, "cgroup.procs", pids.empty() ? "" : absl::StrJoin(pids, "\n") + "\n");
  std::string threads;
  for (const pid_t pid : pids) {
    const auto process = kernel_.Find(pid);
    if (process == nullptr) continue;
    process->cgroup = path;
    tree_.Write(ProcPath(pid, "cgroup"), ProcessCgroups(path));
    for (const auto& [tid, cpus] : process->threads) absl::StrAppend(&threads, tid, "\n");
  }
  const std::string nodes = memory_nodes_.ToString() + "\n";
  if (cgroup_v1_) {
    WriteCgroupFile(path, "tasks", threads);
    WriteCgroupFile(path, "cpuset.effective_cpus", all_cpus_ + "\n");
    WriteCgroupFile(path, "cpuset.effective_mems", nodes);
    WriteCgroupFile(path, "memory.numa_stat", "hierarchical_anon=0 N0=0 N1=0\n");
    return;
  }
  WriteCgroupFile(path, "cgroup.threads", threads);
  WriteCgroupFile(path, "cpuset.cpus.effective", all_cpus_ + "\n");
  WriteCgroupFile(path, "cpuset.mems.effective", nodes);
  WriteCgroupFile(path, "memory.numa_stat", "anon N0=0 N1=0\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
}

std::string FakeMachine::ProcessCgroups(const std::string& path) const {
  if (!cgroup_v1_) return absl::StrCat("0::", path, "\n");
  return absl::StrCat("9:cpuset:", path, "\n7:memory:", path, "\n1:name=systemd:/\n0::/\n");
}

void FakeMachine::WriteCgroupFile(const std::string& path, const std::string& name,
                                  const std::string& text) {
  const std::string file = CgroupFile(path, name);
  if (tree_.Exists(file)) {
    tree_.Overwrite(file, text);  // the kernel's files stay the same, too
  } else {
    tree_.Write(file, text);
  }
}

void FakeMachine::RemoveCgroup(const std::string& path) {
  for (const std::string& directory : CgroupPaths(path)) tree_.Remove(directory);
}

void FakeMachine::RecreateCgroup(const std::string& path, const std::vector<pid_t>& pids) {
  // The old directory stays until the new one is there: file systems reuse inode numbers, the
  // kernel does not reuse a cgroup's id.
  for (const std::string& directory : CgroupPaths(path)) {
    tree_.Rename(directory, absl::StrCat("grave", ++graves_));
  }
  AddCgroup(path, pids);
}

void FakeMachine::SetHugePages(bool enabled) {
  const std::string path = "sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
  if (enabled) {
    tree_.Write(path, absl::StrCat(kFakeHuge, "\n"));
  } else {
    tree_.Remove(path);
  }
}

void FakeMachine::TakeOffline(int node) {
  kernel_.RemoveNode(node);
  tree_.Remove(absl::StrCat(kNodes, "/node", node));
  memory_nodes_ = memory_nodes_ - NodeSet{NodeId{node}};
  size_t row = 0;
  for (const NodeId other : memory_nodes_) {
    tree_.Write(absl::StrCat(kNodes, "/node", other.value, "/distance"),
                DefaultDistances(row++, memory_nodes_.size()) + "\n");
  }
  for (const char* const file : {"/online", "/has_memory"}) {
    tree_.Write(absl::StrCat(kNodes, file), memory_nodes_.ToString() + "\n");
  }
}

void FakeMachine::SetFreePages(int node, int64_t free_pages, int64_t withheld_pages) {
  kernel_.AddNode(node, kernel_.Memory(node).total_pages, free_pages);
  kernel_.Memory(node).withheld_pages = withheld_pages;
  WriteMeminfo(kernel_.memory());
}

void FakeMachine::SetMappedPages(int node, int64_t pages) {
  mapped_pages_[node] = pages;
  written_pages_.erase(node);
  WriteMeminfo(kernel_.memory());
}

void FakeMachine::SetPageCache(int node, int64_t cache_pages) {
  FakeMemory& memory = kernel_.Memory(node);
  memory.cache_pages = cache_pages;
  memory.low_pages = 1250;
  memory.high_pages = 1500;
  tree_.Write("proc/zoneinfo",
              absl::StrFormat("Node %d, zone Normal\n  min 1000\n  high 1500\n", node));
  WriteReclaimCounters(0, 0);
  WriteMeminfo(kernel_.memory());
}

void FakeMachine::WriteReclaimCounters(int64_t refaulted, int64_t reclaimed,
                                       int64_t reclaimed_anon) {
  tree_.Write("proc/vmstat",
              absl::StrFormat("workingset_refault_anon 0\nworkingset_refault_file %d\n"
                              "pgsteal_anon %d\npgsteal_file %d\n",
                              refaulted, reclaimed_anon, reclaimed - reclaimed_anon));
}

void FakeMachine::WriteMeminfo(const std::map<int, FakeMemory>& memory) {
  for (const auto& [node, pages] : memory) {
    const std::pair now(pages.free_pages, pages.cache_pages);
    const auto written = written_pages_.find(node);
    if (written != written_pages_.end() && written->second == now) continue;
    written_pages_[node] = now;
    std::string text = absl::StrFormat(
        "Node %d MemTotal:       %d kB\nNode %d MemFree:        %d kB\n"
        "Node %d MemUsed:        %d kB\n"
        "Node %d Inactive(file): %d kB\n",
        node, pages.total_pages * kPageKib, node, pages.free_pages * kPageKib, node,
        (pages.total_pages - pages.free_pages) * kPageKib, node, pages.cache_pages * kPageKib);
    if (const auto mapped = mapped_pages_.find(node); mapped != mapped_pages_.end()) {
      absl::StrAppendFormat(&text, "Node %d Mapped:        %d kB\n", node,
                            mapped->second * kPageKib);
    }
    tree_.Write(absl::StrCat(kNodes, "/node", node, "/meminfo"), text);
  }
}

}  // namespace numalocality
