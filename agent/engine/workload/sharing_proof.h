// Proof that only processes of one workload map certain shared pages, so that these pages can be
// moved (MoveFlag::kShared) without moving memory of a process outside the workload, a foreign
// process.
//
// Only processes that map the same object (device and inode in /proc/PID/maps) can map a page of
// shared memory. Only processes that were forked from a common ancestor, and have not called exec
// since, can map the same anonymous page. So the proof reads every process of the machine, and
// needs neither page frame numbers nor the state of single pages.
//
// Numbers of mappers (mapmax of numa_maps, kpagecount) prove nothing: a page that a foreign process
// maps, and that one of N own processes has not touched yet, also has N mappers.
//
// Two kinds of memory are never proved. One is anonymous memory on a machine where KSM has merged
// pages. The other is page cache of files on disk, with the few private copies among it: a file of
// an overlay file system shows another device than the file below it, whose page cache it uses
// (Linux 6.8). For the same reason a tmpfs that is a layer of an overlay is not recognized;
// containers get tmpfs mounts that are no layers.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_SHARING_PROOF_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_SHARING_PROOF_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "agent/base/clock.h"
#include "agent/model/ids.h"
#include "agent/model/workload.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// A proof describes the moment when it was taken: take it right before the moves that rely on it,
// and again every few seconds. A process that maps an object or leaves the workload after the proof
// never loses data, but its memory may be moved to another node. Immutable, so safe to read by any
// thread.
class SharingProof {
 public:
  // Proves nothing.
  SharingProof() = default;

  // What the maps of one foreign process may cost, those of all of them, those of all own
  // processes, of which each may cost kRequestLimits, and everything.
  static constexpr ReadLimits kForeignLimits{int64_t{64} << 20, absl::Seconds(2)};
  static constexpr ReadLimits kAllForeignLimits{int64_t{256} << 20, absl::Seconds(6)};
  static constexpr ReadLimits kAllOwnLimits{int64_t{384} << 20, absl::Seconds(12)};
  static constexpr ReadLimits kAllLimits{int64_t{256} << 20, absl::Seconds(20)};

  // Reads the stat of every process of the machine, and also the maps if the workload has shared
  // memory. `own_pids`: the workload's processes whose memory will be moved; other processes in its
  // cgroup are not foreign either. `is_cancelled` is asked between reads; then nothing is
  // proved. Anything that cannot be read makes the proof smaller and is no error: a foreign process
  // whose maps exceed their limits may map any object, so no object is owned; beyond kAllLimits,
  // nothing is proved.
  static SharingProof Take(KernelCalls& kernel, const Clock& clock, const Host& host,
                           const Workload& workload, const std::vector<pid_t>& own_pids,
                           std::function<bool()> is_cancelled = nullptr);

  // Whether all processes that may share anonymous pages with `own_pid` belong to the workload.
  bool OwnsAnonymous(pid_t own_pid) const;

  // Whether all processes that map this object of shared memory belong to the workload.
  bool OwnsObject(const FileId& object) const;

  // The ranges of `mappings` of `own_pid` whose pages only the workload's processes map; in address
  // order, adjacent ranges joined.
  std::vector<AddressRange> OwnedRanges(pid_t own_pid, absl::Span<const Mapping> mappings) const;

  // For people: what is not proved and why; empty if everything that is provable was proved.
  const std::string& note() const { return note_; }

 private:
  class Survey;

  std::map<pid_t, bool> owns_anonymous_;
  std::set<FileId> owned_objects_;
  std::string note_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_SHARING_PROOF_H_
