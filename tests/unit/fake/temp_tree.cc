#include "tests/unit/fake/temp_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace numalocality {
namespace {

void Check(bool done, const char* what, const std::string& path) {
  if (done) return;
  std::perror((std::string(what) + " " + path).c_str());
  std::abort();
}

void WriteAll(int fd, const char* data, size_t size, uint64_t offset, const std::string& path) {
  while (size > 0) {
    const ssize_t written = pwrite(fd, data, size, static_cast<off_t>(offset));
    Check(written > 0, "write", path);
    data += written;
    size -= static_cast<size_t>(written);
    offset += static_cast<uint64_t>(written);
  }
}

}  // namespace

TempTree::TempTree() {
  // In memory where possible: disk file systems write a replaced file out at once.
  const std::string shm = "/dev/shm";
  const bool in_memory = access(shm.c_str(), W_OK | X_OK) == 0;
  std::string name =
      (in_memory ? shm : std::filesystem::temp_directory_path().string()) + "/tree-XXXXXX";
  Check(mkdtemp(name.data()) != nullptr, "make directory", name);
  root_ = name;
}

TempTree::~TempTree() { std::filesystem::remove_all(root_); }

void TempTree::Write(const std::string& path, absl::string_view content) {
  const std::string full = Path(path);
  std::filesystem::create_directories(std::filesystem::path(full).parent_path());
  // Outside the tree, so that no reader lists it.
  std::string fresh = root_ + ".XXXXXX";
  const int fd = mkostemp(fresh.data(), O_CLOEXEC);
  Check(fd >= 0, "create", fresh);
  WriteAll(fd, content.data(), content.size(), 0, fresh);
  Check(close(fd) == 0, "close", fresh);
  Check(rename(fresh.c_str(), full.c_str()) == 0, "write", full);
}

void TempTree::Overwrite(const std::string& path, absl::string_view content) {
  const std::string full = Path(path);
  const int fd = open(full.c_str(), O_WRONLY | O_CLOEXEC);
  Check(fd >= 0, "open", full);
  WriteAll(fd, content.data(), content.size(), 0, full);
  Check(ftruncate(fd, static_cast<off_t>(content.size())) == 0, "truncate", full);
  Check(close(fd) == 0, "close", full);
}

void TempTree::WriteWords(const std::string& path,
                          const std::map<uint64_t, std::vector<uint64_t>>& words) {
  const std::string full = Path(path);
  const int fd = open(full.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  Check(fd >= 0, "open", full);
  for (const auto& [offset, run] : words) {
    WriteAll(fd, reinterpret_cast<const char*>(run.data()), run.size() * sizeof(run[0]), offset,
             full);
  }
  Check(close(fd) == 0, "close", full);
}

void TempTree::MakeDirectory(const std::string& path) {
  std::filesystem::create_directories(Path(path));
}

bool TempTree::Exists(const std::string& path) const { return std::filesystem::exists(Path(path)); }

void TempTree::Link(const std::string& path, const std::string& target) {
  const std::string full = Path(path);
  std::filesystem::create_directories(std::filesystem::path(full).parent_path());
  Check(symlink(target.c_str(), full.c_str()) == 0, "link", full);
}

void TempTree::Rename(const std::string& from, const std::string& to) {
  Check(rename(Path(from).c_str(), Path(to).c_str()) == 0, "rename", Path(from));
}

void TempTree::Remove(const std::string& path) { std::filesystem::remove_all(Path(path)); }

}  // namespace numalocality
