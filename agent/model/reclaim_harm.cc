#include "agent/model/reclaim_harm.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace numalocality {
namespace {

// The growth of a counter beyond twice its rate before the start.
double Excess(const ReclaimReadings& readings, double before, double start, double now) {
  const double seconds_before = absl::ToDoubleSeconds(readings.start.time - readings.before.time);
  const double usual = seconds_before > 0 ? (start - before) / seconds_before : 0;
  return now - start - 2 * usual * absl::ToDoubleSeconds(readings.now.time - readings.start.time);
}

double Excess(const ReclaimReadings& readings, int64_t ReclaimCounters::*counter) {
  return Excess(readings, static_cast<double>(readings.before.*counter),
                static_cast<double>(readings.start.*counter),
                static_cast<double>(readings.now.*counter));
}

}  // namespace

std::string HarmOfReclaim(const ReclaimReadings& readings, int64_t taken_pages,
                          int64_t ahead_pages) {
  const auto taken = static_cast<double>(taken_pages);
  const auto allowed = static_cast<double>(kAllowedPages);
  if (const double refaults = Excess(readings, &ReclaimCounters::refaulted_pages);
      refaults > std::max(allowed, kMostRefaults * taken)) {
    return absl::StrFormat("%.0f pages of page cache were read again after %d had been taken",
                           refaults, taken_pages);
  }
  if (const double swapped = Excess(readings, &ReclaimCounters::reclaimed_anon_pages);
      swapped > std::max(allowed, kMostSwap * taken)) {
    return absl::StrFormat("the kernel swapped out %.0f pages", swapped);
  }
  if (const double reclaimed = Excess(readings, &ReclaimCounters::reclaimed_pages);
      reclaimed > static_cast<double>(kMostReclaim * taken_pages + ahead_pages)) {
    return absl::StrFormat("the kernel reclaimed %.0f pages when %d were needed", reclaimed,
                           taken_pages);
  }
  const double seconds =
      std::max(1.0, absl::ToDoubleSeconds(readings.now.time - readings.start.time));
  if (const double stalled = Excess(readings, absl::ToDoubleSeconds(readings.before.stalled),
                                    absl::ToDoubleSeconds(readings.start.stalled),
                                    absl::ToDoubleSeconds(readings.now.stalled));
      stalled > kMostStall * seconds) {
    return absl::StrFormat("the machine lost %.0f%% of its time to memory pressure",
                           100 * stalled / seconds);
  }
  return "";
}

}  // namespace numalocality
