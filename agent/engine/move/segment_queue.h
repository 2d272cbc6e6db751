// The parts of a workload's memory that wait to be moved, and which of them is next.
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

// Addresses of one process that are moved in one go.
struct Segment {
  ProcessMigration* process = nullptr;
  MemorySegment memory;
};

// Hands out the segments whose target has most room first. So when nodes give memory to each
// other, what has gone one way makes room for what comes the other way, and a segment is all that
// is ever in between. Segments of one target come in the order they were added. Thread-safe.
class SegmentQueue {
 public:
  explicit SegmentQueue(const NodeRoom& room) : room_(room) {}

  void Add(const Segment& segment);

  // nullopt when there is none left.
  std::optional<Segment> Next();

 private:
  const NodeRoom& room_;
  Mutex mutex_;
  std::map<NodeId, std::deque<Segment>> by_target_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_QUEUE_H_
