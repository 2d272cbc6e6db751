// More calls at once than a server has threads.
#ifndef NUMALOCALITY_TESTS_COMPONENT_UNTIL_SERVED_H_
#define NUMALOCALITY_TESTS_COMPONENT_UNTIL_SERVED_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "tests/component/wait.h"

namespace numalocality {

// Repeats a call that is refused because all threads of the server are busy.
template <typename Call>
grpc::Status UntilServed(const Call& call) {
  grpc::Status status;
  const bool was_served = WaitUntil([&] {
    grpc::ClientContext context;
    status = call(context);
    return status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED;
  });
  EXPECT_TRUE(was_served) << status.error_message();
  return status;
}

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_COMPONENT_UNTIL_SERVED_H_
