// Proof that pages which several processes map are mapped by processes of one workload only, so
// that they may be moved together (MoveFlag::kShared) without moving a stranger's memory.
//
// A page of shared memory can only be mapped by processes that map its object (device and inode in
// /proc/PID/maps). An anonymous page can only be mapped by processes that were forked from a common
// ancestor and have not called exec since. So the proof looks at every process of the machine, and
// needs neither page frame numbers nor a look at single pages.
//
// Counts of mappers (mapmax of numa_maps, kpagecount) prove nothing: a page that one stranger maps
// and one of N own processes has not touched yet has N mappers as well.
//
// Never proved: anonymous memory on a machine where KSM has merged pages; page cache of files on
// disk, and so the few private copies among it, since files of an overlay file system show another
// device than the files below it, whose page cache they use (Linux 6.8). For the same reason a
// tmpfs that is a layer of an overlay is not seen through; containers are given tmpfs of their own.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_SHARING_PROOF_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_SHARING_PROOF_H_

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "agent/model/ids.h"
#include "agent/model/workload.h"
#include "agent/os/base/host.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// What was so while the proof was taken: take it right before the moves that rely on it, and again
// every few seconds of moving. A process that maps an object or leaves the workload later keeps its
// data in any case; what it has mapped a moment ago may change node.
class SharingProof {
 public:
  // Proves nothing.
  SharingProof() = default;

  // Looks at all processes of the machine: reads the stat of each, and also the maps if the
  // workload has shared memory. `own_pids`: the workload's processes that are to be moved; others
  // in its cgroup are no strangers either. Whatever cannot be read makes the proof smaller, never
  // an error.
  static SharingProof Take(const Host& host, const Workload& workload,
                           const std::vector<pid_t>& own_pids);

  // Whether all processes that may share anonymous pages with `own_pid` belong to the workload.
  bool OwnsAnonymous(pid_t own_pid) const;

  // Whether all processes that map this object of shared memory belong to the workload.
  bool OwnsObject(const FileId& object) const;

  // The ranges of mappings of `own_pid` whose pages are the workload's own, however many processes
  // map them; in address order, adjacent ones joined.
  std::vector<AddressRange> OwnedRanges(pid_t own_pid, absl::Span<const Mapping> mappings) const;

  // What is not proved and why, for people; empty if everything is that ever can be.
  const std::string& note() const { return note_; }

 private:
  class Survey;

  std::map<pid_t, bool> owns_anonymous_;
  std::set<FileId> owned_objects_;
  std::string note_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_SHARING_PROOF_H_
