#include "agent/runtime/pod_logs.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

constexpr size_t kContainerIdLength = 64;

bool IsHex(absl::string_view text, absl::string_view also = "") {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f') ||
           absl::StrContains(also, c);
  });
}

// Splits `text` into three names at its underscores; names in Kubernetes contain none.
std::optional<std::vector<std::string>> SplitThree(absl::string_view text) {
  std::vector<std::string> parts = absl::StrSplit(text, '_');
  const bool has_empty =
      std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
  if (parts.size() != 3 || has_empty) return std::nullopt;
  return parts;
}

// Adds the entries of `directory` that `parse` accepts. Reads one by one, as there may be many.
absl::Status AddNames(const std::string& directory,
                      std::optional<KnownContainer> (*parse)(absl::string_view),
                      std::vector<KnownContainer>& known) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  int count = 0;
  while (!error && entry != std::filesystem::directory_iterator()) {
    if (++count > PodLogs::kMaxEntries) {
      return absl::ResourceExhaustedError(
          absl::StrCat("directory ", directory, ": more than ", PodLogs::kMaxEntries, " entries"));
    }
    if (auto parsed = parse(entry->path().filename().string())) {
      known.push_back(*std::move(parsed));
    }
    entry.increment(error);
  }
  if (!error) return absl::OkStatus();
  return ErrnoStatus(error.value(), absl::StrCat("list directory ", directory));
}

}  // namespace

std::optional<KnownContainer> ParseContainerLogName(absl::string_view name) {
  if (!absl::ConsumeSuffix(&name, ".log") || name.size() <= kContainerIdLength) {
    return std::nullopt;
  }
  const absl::string_view id = name.substr(name.size() - kContainerIdLength);
  name.remove_suffix(kContainerIdLength);
  if (!IsHex(id) || !absl::ConsumeSuffix(&name, "-")) return std::nullopt;
  const auto parts = SplitThree(name);
  if (!parts.has_value()) return std::nullopt;
  const ContainerNames names{(*parts)[1], (*parts)[0], (*parts)[2]};
  return KnownContainer{std::string(id), "", {names, {}, {}, ContainerRole::kApp}};
}

std::optional<KnownContainer> ParsePodLogName(absl::string_view name) {
  const auto parts = SplitThree(name);
  if (!parts.has_value() || !IsHex((*parts)[2], "-")) return std::nullopt;
  const ContainerNames names{(*parts)[0], (*parts)[1], ""};
  return KnownContainer{"", (*parts)[2], {names, {}, {}}};
}

absl::StatusOr<std::vector<KnownContainer>> PodLogs::Read() {
  std::vector<KnownContainer> known;
  const absl::Status containers =
      AddNames(directory_ + "/containers", ParseContainerLogName, known);
  const absl::Status pods = AddNames(directory_ + "/pods", ParsePodLogName, known);
  if (!containers.ok() && !(absl::IsNotFound(containers) && pods.ok())) return containers;
  if (!pods.ok() && !absl::IsNotFound(pods)) return pods;
  return known;
}

}  // namespace numalocality
