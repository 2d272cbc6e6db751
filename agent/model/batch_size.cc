#include "agent/model/batch_size.h"

#include <algorithm>

namespace numalocality {

void BatchSize::Record(int pages, absl::Duration call_time) {
  if (is_fixed_) return;
  if (call_time > longest_call_) {
    pages_ = std::max(1, std::min(pages_, pages) / 2);
  } else if (pages >= pages_ && call_time < longest_call_ / 2) {
    pages_ = std::min(kMax, pages_ * 2);
  }
}

}  // namespace numalocality
