#include "agent/os/base/file_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::file_events_test {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

class FileEventsTest : public ::testing::Test {
 protected:
  FileEventsTest() {
    tree_.MakeDirectory("watched");
    tree_.Write("watched/file", "1");
    watch_ = events_.Watch(tree_.Path("watched")).value();
  }

  // All events so far, as "kind name"; directories as "kind name/".
  std::vector<std::string> News() {
    static const std::map<FileEventKind, std::string> kWords = {
        {FileEventKind::kWritten, "written"},
        {FileEventKind::kAppeared, "appeared"},
        {FileEventKind::kVanished, "vanished"},
        {FileEventKind::kEnded, "ended"},
        {FileEventKind::kLost, "lost"}};
    std::vector<std::string> news;
    for (const FileEvent& event : events_.Wait(absl::ZeroDuration())) {
      if (event.kind != FileEventKind::kLost) {
        EXPECT_EQ(event.watch, watch_);
      }
      news.push_back(
          absl::StrCat(kWords.at(event.kind), " ", event.name, event.is_directory ? "/" : ""));
    }
    return news;
  }

  TempTree tree_;
  FileEvents events_ = FileEvents::Create().value();
  int watch_ = -1;
};

TEST(FileEventsLimitTest, WithoutAnInstanceItSaysWhatToRaise) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status status = FileEvents::Create().status();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              ::testing::HasSubstr("sysctl fs.inotify.max_user_instances"));
}

TEST_F(FileEventsTest, ReportsFilesWritten) {
  EXPECT_THAT(News(), IsEmpty());
  tree_.Overwrite("watched/file", "2");
  EXPECT_THAT(News(), AllOf(Not(IsEmpty()), Each("written file")));
  EXPECT_THAT(News(), IsEmpty());
}

TEST_F(FileEventsTest, ReportsEntriesThatAppearAndVanish) {
  tree_.MakeDirectory("watched/below");
  EXPECT_THAT(News(), ElementsAre("appeared below/"));
  tree_.Rename("watched/below", "watched/renamed");
  EXPECT_THAT(News(), ElementsAre("vanished below/", "appeared renamed/"));
  tree_.Rename("watched/renamed", "elsewhere");
  EXPECT_THAT(News(), ElementsAre("vanished renamed/"));
  tree_.Write("watched/new", "");  // moved in
  EXPECT_THAT(News(), ElementsAre("appeared new"));
  tree_.Remove("watched/new");
  EXPECT_THAT(News(), ElementsAre("vanished new"));
}

TEST_F(FileEventsTest, NotOfWhatIsFurtherBelow) {
  tree_.Write("watched/below/file", "1");
  News();
  tree_.Overwrite("watched/below/file", "2");
  EXPECT_THAT(News(), IsEmpty());
}

TEST_F(FileEventsTest, ReportsThatTheDirectoryIsRemoved) {
  tree_.Remove("watched/file");
  News();
  tree_.Remove("watched");
  EXPECT_THAT(News(), AllOf(Not(IsEmpty()), Each("ended ")));
  tree_.MakeDirectory("watched");
  tree_.Write("watched/file", "1");
  EXPECT_THAT(News(), IsEmpty()) << "another directory";
}

TEST_F(FileEventsTest, UnwatchedIsUnwatched) {
  events_.Unwatch(watch_);
  News();
  tree_.Overwrite("watched/file", "2");
  EXPECT_THAT(News(), IsEmpty());
}

TEST_F(FileEventsTest, WatchesDirectoriesThatAreThereOnce) {
  EXPECT_EQ(events_.Watch(tree_.Path("watched")).value(), watch_);
  EXPECT_TRUE(absl::IsNotFound(events_.Watch(tree_.Path("not there")).status()));
  EXPECT_FALSE(events_.Watch(tree_.Path("watched/file")).ok());
}

TEST_F(FileEventsTest, AWakeEndsOneWait) {
  events_.Wake();
  events_.Wake();
  EXPECT_THAT(events_.Wait(absl::InfiniteDuration()), IsEmpty());
  const absl::Time start = absl::Now();
  EXPECT_THAT(events_.Wait(absl::Milliseconds(150)), IsEmpty());
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(100)) << "two wakes are one";
  std::thread waker([this] {
    absl::SleepFor(absl::Milliseconds(20));
    events_.Wake();
  });
  EXPECT_THAT(events_.Wait(absl::InfiniteDuration()), IsEmpty());
  waker.join();
}

TEST_F(FileEventsTest, AnEventEndsAWait) {
  std::thread writer([this] {
    absl::SleepFor(absl::Milliseconds(20));
    tree_.Overwrite("watched/file", "2");
  });
  EXPECT_THAT(events_.Wait(absl::InfiniteDuration()), Not(IsEmpty()));
  writer.join();
}

TEST_F(FileEventsTest, MoreThanABufferArrivesWhole) {
  for (int i = 0; i < 2000; ++i) tree_.MakeDirectory(absl::StrCat("watched/", i));
  EXPECT_EQ(News().size(), 2000u);
}

}  // namespace
}  // namespace numalocality::file_events_test
