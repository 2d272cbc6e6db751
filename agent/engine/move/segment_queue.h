// The queue of segments of a workload's memory that wait to be moved.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_QUEUE_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_QUEUE_H_

#include <deque>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "agent/engine/move/process_migration.h"
#include "agent/engine/workload/node_room.h"

namespace numalocality {

// Part of a process's memory that one worker moves as a unit.
struct Segment {
  ProcessMigration* process = nullptr;
  MemorySegment memory;
};

// Returns segments whose target has most room first. When two nodes swap memory, segments that have
// left a node make room for those that go there, so no more than about one segment of free memory
// is needed. Segments of one target are returned in the order they were added. Thread-safe.
class SegmentQueue {
 public:
  explicit SegmentQueue(const NodeRoom& room) : room_(room) {}

  void Add(const Segment& segment);

  // Removes and returns the next segment; nullopt if none is left.
  std::optional<Segment> Next();

 private:
  const NodeRoom& room_;
  Mutex mutex_;
  std::map<NodeId, std::deque<Segment>> by_target_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_QUEUE_H_
