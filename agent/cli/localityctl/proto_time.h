// Times as the API has them.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PROTO_TIME_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PROTO_TIME_H_

#include <google/protobuf/util/time_util.h>

#include "absl/time/time.h"

namespace numalocality::localityctl {

inline google::protobuf::Duration ToProto(absl::Duration duration) {
  return google::protobuf::util::TimeUtil::NanosecondsToDuration(
      absl::ToInt64Nanoseconds(duration));
}

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PROTO_TIME_H_
