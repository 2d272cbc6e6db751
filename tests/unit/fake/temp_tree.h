// A temporary directory tree, removed when the test ends.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_TEMP_TREE_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_TEMP_TREE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace numalocality {

// Paths are relative to the root. Whatever fails ends the test program: a test that runs on a
// half-made tree proves nothing.
class TempTree {
 public:
  TempTree();
  ~TempTree();
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;

  const std::string& root() const { return root_; }
  std::string Path(const std::string& path) const { return root_ + "/" + path; }

  // Makes the directories above, too. Replaces a file as a whole: a reader never sees half of it.
  void Write(const std::string& path, absl::string_view content);
  // The same file with other content, for those who keep it open. Not for files that others may
  // read meanwhile.
  void Overwrite(const std::string& path, absl::string_view content);
  // Writes into the middle of a sparse file, by content offset.
  void WriteWords(const std::string& path, const std::map<uint64_t, std::vector<uint64_t>>& words);
  void MakeDirectory(const std::string& path);
  bool Exists(const std::string& path) const;
  void Link(const std::string& path, const std::string& target);
  void Rename(const std::string& from, const std::string& to);
  // Removes everything below it, too. Does nothing if it does not exist.
  void Remove(const std::string& path);

 private:
  std::string root_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_TEMP_TREE_H_
