// Reads the files that the agent's reports are made of, and nothing else: what a report can cost at
// best. Prints the CPU time of each round as a JSON line.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace {

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

bool IsOfAReport(const std::string& name) {
  return name == "memory.numa_stat" || name == "cpuset.mems.effective" ||
         name == "cgroup.threads" ||
         (name.rfind("hugetlb.", 0) == 0 && name.size() > 10 &&
          name.find(".numa_stat") != name.npos);
}

// The files of all containers' cgroups below `root`: those with names of 64 characters.
std::vector<int> OpenAll(const std::string& root) {
  std::vector<int> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file() || !IsOfAReport(entry.path().filename())) continue;
    if (entry.path().parent_path().filename().string().size() != 64) continue;
    files.push_back(open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
  }
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  std::string root = "/sys/fs/cgroup/kubepods";
  int rounds = 5;
  CLI::App app("Reads the files of reports.");
  app.add_option("--root", root, "Cgroup above the containers");
  app.add_option("--rounds", rounds, "How often");
  CLI11_PARSE(app, argc, argv);
  const std::vector<int> files = OpenAll(root);
  std::vector<char> buffer(16384);
  for (int round = 0; round < rounds; ++round) {
    const double before = CpuSeconds();
    for (const int file : files) {
      if (pread(file, buffer.data(), buffer.size(), 0) < 0) return perror("read"), 1;
    }
    std::printf("{\"files\": %zu, \"cpu_seconds\": %.6f}\n", files.size(), CpuSeconds() - before);
  }
  return 0;
}
