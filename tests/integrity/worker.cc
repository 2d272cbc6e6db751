#include "tests/integrity/worker.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <thread>

namespace numalocality::integrity {
namespace {

using PageWords = std::array<uint64_t, kWordsPerPage>;

// Operations between two reads of the clock and the commands: reading the clock costs as much as
// reading a line.
constexpr int64_t kBatch = 16;

// The first mismatches of each worker are reported one by one; all are counted.
constexpr int kMaxReported = 8;

// Keeps a worker to a rate, by sleeping after each batch until the next is due.
class Throttle {
 public:
  explicit Throttle(int64_t interval_ns)
      : interval_ns_(interval_ns),
        batch_(interval_ns == 0 ? kBatch : std::clamp<int64_t>(kSleepNs / interval_ns, 1, kBatch)) {
  }

  int64_t batch() const { return batch_; }

  // The time it was due counts as the last operation's: a planned sleep is no gap, but waking late
  // from it is one.
  void Await(Tally& tally, const Commands& commands, uint32_t seen) {
    if (interval_ns_ == 0) return;
    const int64_t due_ns = tally.last_operation_ns + interval_ns_ * batch_;
    tally.last_operation_ns = due_ns;
    constexpr int64_t kLongestSleepNs = 50'000'000;  // a command need not wait longer than this
    while (commands.current() == seen) {
      const int64_t left_ns = due_ns - NowNs();
      if (left_ns <= 0) return;
      std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(left_ns, kLongestSleepNs)));
    }
  }

 private:
  static constexpr int64_t kSleepNs = 10'000'000;  // about so long between two batches

  const int64_t interval_ns_;
  const int64_t batch_;
};

}  // namespace

Worker::Worker(Memory& memory, const Slice& own, const Slice& peer, const Extent& extent,
               Tally& tally, const Report& report)
    : memory_(memory),
      own_(own),
      peer_(peer),
      extent_(extent),
      tally_(tally),
      report_(report),
      random_(own.owner) {}

void Worker::Populate() {
  for (size_t i = 0; i < own_.page_count; ++i) WritePage(own_.first_page + i, 1);
}

void Worker::Run(Commands& commands, bool idle, int64_t interval_ns) {
  Throttle throttle(interval_ns);
  uint32_t seen = 0;
  while (true) {
    if (const uint32_t command = commands.current(); command != seen) {
      seen = command;
      CheckSlice();
      if (idle || Commands::MeansStop(command)) tally_.last_operation_ns = 0;
      commands.Done();
      if (Commands::MeansStop(command)) return;
    } else if (idle) {
      commands.AwaitChange(seen);
    } else {
      for (int64_t i = 0; i < throttle.batch(); ++i) Operate();
      tally_.Count(throttle.batch());
      throttle.Await(tally_, commands, seen);
    }
  }
}

void Worker::Operate() {
  const size_t choice = random_.Below(8);
  if (choice == 0) {
    Rewrite(own_.first_page + random_.Below(own_.page_count));
  } else {
    ReadLine(choice == 1 ? peer_ : own_);
  }
}

void Worker::ReadLine(const Slice& slice) {
  const size_t page = slice.first_page + random_.Below(slice.page_count);
  Check(slice, page, random_.Below(kWordsPerPage / kWordsPerLine) * kWordsPerLine, kWordsPerLine);
}

// No word is overwritten unread: a fault stays where it is until it has been counted.
void Worker::Rewrite(size_t page) {
  Check(own_, page, 0, kWordsPerPage);
  WritePage(page, memory_.version(page) + 1);
}

void Worker::CheckSlice() {
  for (size_t i = 0; i < own_.page_count; ++i) {
    Check(own_, own_.first_page + i, 0, kWordsPerPage);
    tally_.Count(1);
  }
}

void Worker::Check(const Slice& slice, size_t page, size_t first, size_t count) {
  const std::optional<Finding> finding = Look(slice, page, first, count);
  if (!finding) return;
  // A line shows that something is wrong, the whole page shows what.
  Record(slice, page, Look(slice, page, 0, kWordsPerPage).value_or(*finding));
  // Rewritten, so that the owner counts one fault once.
  if (slice.owner == own_.owner) WritePage(page, memory_.version(page) + 1);
}

std::optional<Finding> Worker::Look(const Slice& slice, size_t page, size_t first, size_t count) {
  PageWords buffer;
  const std::span<uint64_t> words(buffer.data(), count);
  const uint32_t oldest = memory_.version(page);
  memory_.Read(page, first, words);
  // A peer may have written up to the version that it has published, and be writing the next.
  const uint32_t newest = slice.owner == own_.owner ? oldest : memory_.version(page) + 1;
  const auto index = static_cast<uint32_t>((page - slice.first_page) * kWordsPerPage + first);
  return CheckWords(
      words, {.owner = slice.owner, .first_index = index, .oldest = oldest, .newest = newest},
      extent_);
}

void Worker::Record(const Slice& slice, size_t page, const Finding& finding) {
  const auto fault = static_cast<size_t>(finding.fault);
  ++tally_.mismatches[fault];
  if (++reported_ > kMaxReported) return;
  const Word found = Decode(finding.found);
  report_.Write(JsonLine("mismatch")
                    .Add("pid", getpid())
                    .AddText("fault", kFaultNames[fault])
                    .AddText("page", Hex(memory_.page(page)))
                    .Add("owner", slice.owner)
                    .Add("index", finding.index)
                    .Add("version", memory_.version(page).load() & kVersionMask)
                    .Add("found_owner", found.owner)
                    .Add("found_index", found.index)
                    .Add("found_version", found.version));
}

void Worker::WritePage(size_t page, uint32_t version) {
  const auto first = static_cast<uint32_t>((page - own_.first_page) * kWordsPerPage);
  PageWords words;
  for (uint32_t i = 0; i < kWordsPerPage; ++i) {
    words[i] = Encode({.owner = own_.owner, .index = first + i, .version = version});
  }
  memory_.Write(page, 0, words);
  memory_.version(page) = version;
}

}  // namespace numalocality::integrity
