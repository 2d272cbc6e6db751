#include "agent/base/version.h"

#include "agent/base/revision.inc"  // made by revision.cmake

namespace numalocality {

std::string VersionText() {
  const std::string version = kVersion;
  const std::string revision = kRevision;
  return revision.empty() ? version : version + " (commit " + revision + ")";
}

}  // namespace numalocality
