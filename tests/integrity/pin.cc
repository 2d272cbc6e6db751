#include "tests/integrity/pin.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "tests/integrity/fail.h"

namespace numalocality::integrity {
namespace {

// The largest pipe without privilege (the default of /proc/sys/fs/pipe-max-size): 256 pages.
constexpr int kPipeBytes = 1 << 20;

// Returns the end for writing; both stay open until exit.
int OpenPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    FailErrno("--pin-every: opening a pipe for pinned pages (a larger `ulimit -n` may help)");
  }
  // A smaller pipe does as well: it is only full sooner.
  fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  return ends[1];
}

// False if the pipe is full.
bool Lend(int pipe, void* page) {
  const iovec range = {.iov_base = page, .iov_len = kPageBytes};
  const ssize_t lent = vmsplice(pipe, &range, 1, SPLICE_F_NONBLOCK);
  if (lent < 0 && errno == EAGAIN) return false;
  if (lent != static_cast<ssize_t>(kPageBytes)) FailErrno("--pin-every: vmsplice of a page");
  return true;
}

}  // namespace

size_t PinPages(const Memory& memory, size_t every) {
  size_t pinned = 0;
  int pipe = OpenPipe();
  for (size_t page = 0; page < memory.page_count(); page += every) {
    while (!Lend(pipe, memory.page(page))) pipe = OpenPipe();
    ++pinned;
  }
  return pinned;
}

}  // namespace numalocality::integrity
