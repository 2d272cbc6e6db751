#include "agent/os/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>
#include <utility>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::file_test {
namespace {

TEST(ReadFileTest, ReadsAllOfIt) {
  TempTree tree;
  for (const size_t size : {0u, 1u, 16384u, 16385u, 100000u}) {
    const std::string content(size, 'x');
    tree.Write("file", content);
    EXPECT_EQ(ReadFile(tree.Path("file")).value(), content);
  }
}

TEST(ReadFileTest, IsBounded) {
  TempTree tree;
  tree.Write("file", std::string(1001, 'x'));
  EXPECT_EQ(ReadFile(tree.Path("file"), 1000).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(tree.Path("file"), 1001)->size(), 1001u);
  EXPECT_EQ(ReadFile("/dev/zero").status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ReplaceFileTest, ReplacesTheWholeFile) {
  TempTree tree;
  for (const size_t size : {100000u, 1u, 0u}) {
    const std::string content(size, 'x');
    ASSERT_TRUE(ReplaceFile(tree.Path("file"), content).ok());
    EXPECT_EQ(ReadFile(tree.Path("file")).value(), content);
  }
  EXPECT_FALSE(tree.Exists("file.new"));
  struct stat status {};
  ASSERT_EQ(stat(tree.Path("file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(ReplaceFileTest, LeavesTheOldOneIfItCannot) {
  TempTree tree;
  tree.Write("file", "old");
  tree.MakeDirectory("file.new");
  const absl::Status status = ReplaceFile(tree.Path("file"), "new");
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("file.new"));
  EXPECT_EQ(ReadFile(tree.Path("file")).value(), "old");
  EXPECT_FALSE(ReplaceFile("/dev/full/file", "new").ok());
}

TEST(ReadFileTest, ErrorsNameTheFile) {
  const absl::Status status = ReadFile("/nonexistent/file").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("/nonexistent/file"));
  EXPECT_FALSE(ReadFile("/proc").ok());  // a directory
}

TEST(WriteFileTest, ReplacesWhatIsThere) {
  TempTree tree;
  tree.Write("file", "a long line");
  EXPECT_TRUE(WriteFile(tree.Path("file"), "short").ok());
  EXPECT_EQ(ReadFile(tree.Path("file")).value(), "short");
}

TEST(WriteFileTest, ErrorsNameTheFile) {
  TempTree tree;
  const absl::Status missing = WriteFile(tree.Path("none"), "x");
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()), ::testing::HasSubstr("none"));
  EXPECT_FALSE(tree.Exists("none"));
  const absl::Status full = WriteFile("/dev/full", "x");
  EXPECT_THAT(std::string(full.message()), ::testing::HasSubstr("write /dev/full"));
}

TEST(OpenDirectoryTest, WantsADirectoryAndNoLink) {
  TempTree tree;
  tree.MakeDirectory("directory");
  tree.Write("file", "");
  tree.Link("link", tree.Path("directory"));
  EXPECT_TRUE(OpenDirectory(tree.Path("directory")).ok());
  EXPECT_FALSE(OpenDirectory(tree.Path("file")).ok());
  EXPECT_FALSE(OpenDirectory(tree.Path("link")).ok());
  EXPECT_TRUE(absl::IsNotFound(OpenDirectory(tree.Path("none")).status()));
}

TEST(ListDirectoryTest, DistinguishesDirectoriesFromFiles) {
  TempTree tree;
  tree.MakeDirectory("d/sub");
  tree.Write("d/file", "");
  tree.Write("d/new\nline \xff", "");
  auto entries = ListDirectory(AT_FDCWD, tree.Path("d"));
  ASSERT_TRUE(entries.ok());
  std::set<std::pair<std::string, bool>> found;
  for (const DirectoryEntry& entry : *entries) found.emplace(entry.name, entry.is_directory);
  EXPECT_EQ(found, (std::set<std::pair<std::string, bool>>{
                       {"file", false}, {"new\nline \xff", false}, {"sub", true}}));
}

TEST(ListDirectoryTest, ListsManyEntries) {
  TempTree tree;
  for (int i = 0; i < 3000; ++i) tree.MakeDirectory("d/" + std::to_string(i));
  EXPECT_EQ(ListDirectory(AT_FDCWD, tree.Path("d"))->size(), 3000u);
}

TEST(InodeOfTest, DistinguishesDirectoriesWithTheSameName) {
  TempTree tree;
  tree.MakeDirectory("a");
  const auto first = OpenDirectory(tree.Path("a"));
  tree.Rename("a", "b");
  tree.MakeDirectory("a");
  const auto second = OpenDirectory(tree.Path("a"));
  EXPECT_NE(InodeOf(first->get()).value(), InodeOf(second->get()).value());
  EXPECT_FALSE(InodeOf(-1).ok());
}

TEST(ScopedFdTest, ClosesOnce) {
  int number = -1;
  {
    ScopedFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = fd.get();
    ScopedFd moved = std::move(fd);
    EXPECT_TRUE(moved.valid());
    moved = ScopedFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_NE(fcntl(moved.get(), F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace numalocality::file_test
