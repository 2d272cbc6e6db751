// Errors are absl::Status everywhere. A message says what failed, on what, why, and what to do.
#ifndef NUMALOCALITY_AGENT_BASE_STATUS_H_
#define NUMALOCALITY_AGENT_BASE_STATUS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality {

// The status for the errno value `error_number`, with the message "<what>: <strerror>". ENOENT,
// ESRCH and ENODEV become NOT_FOUND, EACCES and EPERM become PERMISSION_DENIED; absl::ErrnoToStatus
// maps the rest.
absl::Status ErrnoStatus(int error_number, absl::string_view what);

// Returns `status` with the message "<context>: <message>", the same code and the same payloads.
absl::Status WithContext(const absl::Status& status, absl::string_view context);

}  // namespace numalocality

#define NL_CONCAT_INNER(a, b) a##b
#define NL_CONCAT(a, b) NL_CONCAT_INNER(a, b)

// Returns from the enclosing function if the expression is an error.
#define NL_RETURN_IF_ERROR(expression)                            \
  do {                                                            \
    if (absl::Status nl_status = (expression); !nl_status.ok()) { \
      return nl_status;                                           \
    }                                                             \
  } while (false)

// Declares a variable from a StatusOr, or returns its error from the enclosing function:
//   NL_ASSIGN_OR_RETURN(auto value, FunctionThatReturnsStatusOr());
#define NL_ASSIGN_OR_RETURN(declaration, expression) \
  NL_ASSIGN_OR_RETURN_INNER(NL_CONCAT(nl_or_, __LINE__), declaration, expression)
#define NL_ASSIGN_OR_RETURN_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                                      \
  if (!temporary.ok()) return temporary.status();                     \
  declaration = *std::move(temporary)

#endif  // NUMALOCALITY_AGENT_BASE_STATUS_H_
