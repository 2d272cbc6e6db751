// How the workload ends if its set-up fails: with one sentence on standard error.
#ifndef TESTS_INTEGRITY_FAIL_H_
#define TESTS_INTEGRITY_FAIL_H_

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace numalocality::integrity {

inline constexpr int kExitClean = 0;
inline constexpr int kExitMismatch = 1;  // memory was wrong, or nothing was checked
inline constexpr int kExitSetup = 2;     // bad arguments, or the machine refused something

// Ends this process with kExitSetup, without running destructors: forked children share them.
[[noreturn]] inline void Fail(const std::string& sentence) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, sentence.c_str());
  std::_Exit(kExitSetup);
}

// The same, with the reason in errno after "what was tried, on what".
[[noreturn]] inline void FailErrno(const std::string& what) {
  Fail(what + ": " + std::strerror(errno));
}

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_FAIL_H_
