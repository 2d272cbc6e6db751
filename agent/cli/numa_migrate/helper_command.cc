#include "agent/cli/numa_migrate/helper_command.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/cli/numa_migrate/own_memory.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/cli/numa_migrate/subject.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality::numa_migrate {
namespace {

// The content is checked continuously, in steps with a pause after each, so that the checks hardly
// disturb a migration.
constexpr size_t kStepWords = (size_t{4} << 20) / sizeof(uint64_t);
constexpr absl::Duration kPause = absl::Milliseconds(50);

// Fills the memory. With `node` it runs on the CPUs of that node meanwhile, as the kernel allocates
// a page on the node that first touches it if there is room.
absl::Status FillOn(const EngineContext& context, std::optional<NodeId> node, uint64_t seed,
                    absl::Span<uint64_t> words) {
  if (!node.has_value()) {
    FillWords(seed, 0, words);
    return absl::OkStatus();
  }
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.host).Read());
  const Node* found = topology.Find(*node);
  if (found == nullptr || found->cpus.empty() || !found->has_memory) {
    return absl::InvalidArgumentError(
        absl::StrCat("--node: node ", node->value,
                     " does not exist or lacks CPUs or memory; name a node that "
                     "has both"));
  }
  NL_ASSIGN_OR_RETURN(const CpuSet before, context.kernel.ThreadCpus(getpid()));
  NL_RETURN_IF_ERROR(context.kernel.SetThreadCpus(getpid(), found->cpus));
  FillWords(seed, 0, words);
  return context.kernel.SetThreadCpus(getpid(), before);
}

// The pages of `range` by node; empty if that cannot be read.
std::map<NodeId, int64_t> CountPages(const Subject& subject, const AddressRange& range) {
  const AddressRange ranges[] = {range};
  return CountByNode(subject, ranges, kPrivateKinds).value_or(std::map<NodeId, int64_t>());
}

// In the notation of --range.
std::string SizeWord(int64_t bytes) {
  constexpr int64_t kMib = int64_t{1} << 20;
  return bytes % kMib == 0 ? absl::StrCat(bytes / kMib, "M") : absl::StrCat(bytes);
}

void Introduce(const EngineContext& context, const AddressRange& range) {
  const auto bytes = static_cast<int64_t>(range.size());
  std::cout << absl::StrFormat("PID: %d\nRange: %x-%x (%s, %d pages)\n", getpid(), range.start,
                               range.end, FormatBytes(bytes), bytes / sysconf(_SC_PAGESIZE));
  std::optional<NodeId> target;
  if (const auto subject = OpenSubject(context, getpid()); subject.ok()) {
    const auto pages = CountPages(*subject, range);
    std::cout << CheckReport(Options(), pages);
    target = SuggestTarget(subject->topology.MemoryNodes(), pages);
  }
  std::cout << absl::StrFormat("\nTry, in another terminal:\n  numa-migrate --pid %d --check\n",
                               getpid());
  if (target.has_value()) {
    std::cout << absl::StrFormat("  numa-migrate --pid %d --range %s --to-node %d --verify\n",
                                 getpid(), SizeWord(bytes), target->value);
  }
  std::cout << "\nChecking the content until Ctrl-C.\n" << std::flush;
}

absl::Status CheckWords(uint64_t seed, size_t first, absl::Span<const uint64_t> words) {
  const auto wrong = FindWrongWord(seed, first, words);
  if (!wrong.has_value()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("wrong content at address %x: %016x instead of %016x",
                                             reinterpret_cast<uintptr_t>(&words[*wrong]),
                                             words[*wrong], HelperWord(seed, first + *wrong)));
}

}  // namespace

absl::StatusOr<ExitCode> RunHelper(const EngineContext& context, const HelperOptions& options) {
  CatchEndSignals();
  NL_ASSIGN_OR_RETURN(
      OwnMemory memory,
      OwnMemory::Map(options.bytes, options.huge_pages ? PageKind::kHuge : PageKind::kBase));
  const absl::Span<uint64_t> words = memory.words();
  NL_RETURN_IF_ERROR(FillOn(context, options.node, options.seed, words));
  Introduce(context, memory.range());
  for (size_t at = 0; EndSignal() == 0; at = at + kStepWords < words.size() ? at + kStepWords : 0) {
    NL_RETURN_IF_ERROR(CheckWords(options.seed, at, words.subspan(at, kStepWords)));
    context.clock.Sleep(kPause);
  }
  NL_RETURN_IF_ERROR(CheckWords(options.seed, 0, words));
  std::cout << "Checked: " << FormatBytes(static_cast<int64_t>(memory.range().size()))
            << ", no wrong byte\n";
  return kExitSuccess;
}

}  // namespace numalocality::numa_migrate
