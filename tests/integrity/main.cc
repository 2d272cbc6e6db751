// integrity-workload: a workload that knows what every word of its memory must be, and checks each
// one it reads, while something else moves the pages underneath. See --help.
#include <csignal>

#include "tests/integrity/options.h"
#include "tests/integrity/report.h"
#include "tests/integrity/supervisor.h"

namespace integrity = numalocality::integrity;

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away does not end the workload
  const integrity::Options options = integrity::ParseOptions(argc, argv);
  const integrity::Report report(options.report);
  return integrity::Supervisor(options, report).Run();
}
