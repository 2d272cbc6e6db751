#include "agent/model/page_span.h"

namespace numalocality {

absl::string_view ScanMethodName(ScanMethod method) {
  switch (method) {
    case ScanMethod::kFrames: return "frames";
    case ScanMethod::kPresence: return "presence";
    case ScanMethod::kQuery: return "query";
  }
  return "unknown";
}

}  // namespace numalocality
