#include "agent/engine/workload/name_directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

// The only source that reports pods' annotations: the container runtime.
constexpr char kMetadataSource[] = "cri";

// The other sources know no namespace, or cannot say which container has it.
bool ReportsNamespaces(const std::string& source) {
  return source == kMetadataSource || source == "pod_logs";
}

// Logs when a source begins to fail and when it answers again, not each read.
void LogTransition(const SourceStatus& status, const absl::Status& before) {
  if (status.last_read.ok() && !before.ok()) {
    LogInfo(absl::StrCat("name source answers source=", status.id, " at=", status.address));
  }
  if (!status.last_read.ok() && !status.IsAbsent() && (before.ok() || status.error_count == 1)) {
    LogWarning(absl::StrCat("name source fails source=", status.id, " at=", status.address,
                            " error=\"", LogSafe(status.last_read.message()), "\""));
  }
}

std::string KeyByUid(const std::string& pod_uid, const std::string& container) {
  return absl::StrCat(pod_uid, "/", container);
}

std::string KeyByNames(const ContainerNames& names) {
  return absl::StrCat(names.pod_namespace, "/", names.pod, "/", names.container);
}

}  // namespace

bool KnownNames::Learn(size_t source, const std::vector<KnownContainer>& reported,
                       absl::Duration now) {
  bool changed = ReplaceAssignments(source, reported);
  for (const KnownContainer& entry : reported) {
    changed |= LearnContainer(source, entry, now);
    changed |= LearnPod(source, entry, now);
  }
  changed |= Forget(source, now, containers_);
  changed |= Forget(source, now, pods_);
  return changed;
}

bool KnownNames::LearnContainer(size_t source, const KnownContainer& reported, absl::Duration now) {
  if (reported.container_id.empty()) return false;
  const auto [found, is_new] = containers_.try_emplace(reported.container_id);
  auto& known = found->second;
  known.last_reported = now;
  if (!is_new && source > known.source) return false;
  known.source = source;
  const Container fresh{reported.description.names, reported.description.role};
  return std::exchange(known.value, fresh) != fresh;
}

bool KnownNames::LearnPod(size_t source, const KnownContainer& reported, absl::Duration now) {
  ContainerNames names = reported.description.names;
  names.container.clear();
  if (reported.pod_uid.empty() || names == ContainerNames()) return false;
  const auto [found, is_new] = pods_.try_emplace(reported.pod_uid);
  auto& known = found->second;
  known.last_reported = now;
  if (!is_new && source > known.source) return false;
  known.source = source;
  bool changed = std::exchange(known.value.names, names) != names;
  const auto& metadata = reported.description.metadata;
  if (metadata.has_value() && known.value.metadata != metadata) {
    known.value.metadata = metadata;
    changed = true;
  }
  return changed;
}

bool KnownNames::ReplaceAssignments(size_t source, const std::vector<KnownContainer>& reported) {
  Assignments fresh;
  for (const KnownContainer& entry : reported) {
    const ContainerNames& names = entry.description.names;
    if (!entry.description.assignment.has_value()) continue;
    fresh[entry.pod_uid.empty() ? KeyByNames(names) : KeyByUid(entry.pod_uid, names.container)] =
        *entry.description.assignment;
  }
  return std::exchange(assignments_[source], fresh) != fresh;
}

template <typename Value>
bool KnownNames::Forget(size_t source, absl::Duration now,
                        std::map<std::string, Known<Value>>& known) {
  return std::erase_if(known, [&](const auto& entry) {
           return entry.second.source == source && now - entry.second.last_reported >= kKeep;
         }) > 0;
}

ContainerNames KnownNames::NamesOf(const ContainerRef& container) const {
  const auto known = containers_.find(container.container_id);
  ContainerNames names = known == containers_.end() ? ContainerNames() : known->second.value.names;
  const auto pod = pods_.find(container.pod_uid);
  if (names.pod.empty() && pod != pods_.end()) {
    names.pod_namespace = pod->second.value.names.pod_namespace;
    names.pod = pod->second.value.names.pod;
  }
  return names;
}

ContainerDescription KnownNames::Describe(const ContainerRef& container) const {
  ContainerDescription description{NamesOf(container), {}, {}};
  const auto known = containers_.find(container.container_id);
  if (known != containers_.end()) description.role = known->second.value.role;
  const auto pod = pods_.find(container.pod_uid);
  if (pod != pods_.end()) description.metadata = pod->second.value.metadata;
  const ContainerNames& names = description.names;
  if (names.container.empty()) return description;
  for (const auto& [source, assignments] : assignments_) {
    auto found = assignments.find(KeyByUid(container.pod_uid, names.container));
    if (found == assignments.end()) found = assignments.find(KeyByNames(names));
    if (found == assignments.end()) continue;
    description.assignment = found->second;
    break;
  }
  return description;
}

NameDirectory::NameDirectory(std::vector<std::unique_ptr<NameSource>> sources, const Clock& clock)
    : clock_(clock), random_(std::random_device()()) {
  for (auto& source : sources) {
    Entry entry;
    entry.status.name = source->name();
    entry.status.id = source->id();
    entry.status.address = source->address();
    entry.source = std::move(source);
    entries_.push_back(std::move(entry));
  }
}

void NameDirectory::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const Entry& entry : entries_) entry.source->Cancel();
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void NameDirectory::Start() {
  thread_ = std::thread([this] { Run(); });
}

void NameDirectory::Run() {
  while (true) {
    ReadAll();
    MutexLock lock(mutex_);
    if (stopping_) return;
    absl::Duration next = clock_.Monotonic() + kPeriod;
    for (const Entry& entry : entries_) next = std::min(next, entry.next_start);
    const absl::Duration wait = next - clock_.Monotonic();
    if (wait > absl::ZeroDuration()) wake_.WaitFor(mutex_, wait);
  }
}

void NameDirectory::ReadAll() {
  size_t count = 0;
  {
    MutexLock lock(mutex_);
    count = entries_.size();
  }
  bool changed = false;
  for (size_t i = 0; i < count; ++i) changed |= ReadIfDue(i);
  if (changed && on_change_) on_change_();
}

bool NameDirectory::ReadIfDue(size_t index) {
  NameSource* source = nullptr;
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[index];
    if (stopping_ || entry.next_start > clock_.Monotonic()) return false;
    entry.last_start = clock_.Monotonic();
    // A Nudge during the read, which may not see what caused it, makes this earlier.
    entry.next_start = absl::InfiniteDuration();
    source = entry.source.get();
  }
  const auto read = source->Read();
  MutexLock lock(mutex_);
  return !stopping_ && TakeIn(index, read);
}

bool NameDirectory::TakeIn(size_t index, const absl::StatusOr<std::vector<KnownContainer>>& read) {
  Entry& entry = entries_[index];
  const absl::Duration now = clock_.Monotonic();
  const absl::Status before = std::exchange(entry.status.last_read, read.status());
  if (read.ok()) {
    entry.status.last_success = clock_.Now();
    entry.retry.Reset();
    entry.next_start = std::min(entry.next_start, now + WithJitter(kPeriod, random_));
  } else {
    entry.next_start = now + entry.retry.Next(random_);
    if (!entry.status.IsAbsent()) ++entry.status.error_count;
  }
  LogTransition(entry.status, before);
  return read.ok() && known_.Learn(index, *read, now);
}

void NameDirectory::Nudge() {
  MutexLock lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.status.last_read.ok()) {
      entry.next_start = std::min(entry.next_start, entry.last_start + kShortest);
    }
  }
  wake_.NotifyAll();
}

ContainerNames NameDirectory::NamesOf(const ContainerRef& container) const {
  MutexLock lock(mutex_);
  return known_.NamesOf(container);
}

ContainerDescription NameDirectory::Describe(const ContainerRef& container) const {
  MutexLock lock(mutex_);
  return known_.Describe(container);
}

std::vector<SourceStatus> NameDirectory::Status() const {
  MutexLock lock(mutex_);
  std::vector<SourceStatus> result;
  for (const Entry& entry : entries_) result.push_back(entry.status);
  return result;
}

bool NameDirectory::ExpectsNames() const {
  MutexLock lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return ReportsNamespaces(entry.status.id) && !entry.status.IsAbsent();
  });
}

bool NameDirectory::ExpectsMetadata() const {
  MutexLock lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return entry.status.id == kMetadataSource && !entry.status.IsAbsent();
  });
}

}  // namespace numalocality
