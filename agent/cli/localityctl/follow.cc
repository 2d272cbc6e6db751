#include "agent/cli/localityctl/follow.h"

#include <unistd.h>

#include <csignal>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/migration_text.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/progress.h"

namespace numalocality {
namespace {

// Put together before the signal can come: its handler must not allocate.
std::string interrupt_words;

}  // namespace

void EndOnInterrupt(const std::string& words) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, nullptr);
  interrupt_words = "\n" + words + "\n";
  struct sigaction action = {};
  action.sa_handler = [](int) {
    const ssize_t ignored = write(STDERR_FILENO, interrupt_words.data(), interrupt_words.size());
    static_cast<void>(ignored);
    _exit(kExitInterrupted);
  };
  sigaction(SIGINT, &action, nullptr);
  sigprocmask(SIG_UNBLOCK, &interrupt, nullptr);
}

absl::StatusOr<ExitCode> Follow(AgentClient& client, const std::string& id, OutputFormat output) {
  EndOnInterrupt(absl::StrCat("Migration ", id, " goes on: 'localityctl watch ", id,
                              "' waits for its end, 'localityctl cancel ", id, "' stops it."));
  Progress progress(Clock::System());
  const auto migration = client.WatchMigration(id, [&](const v1::Migration& now) {
    progress.Update(StateWord(now.state()), MovedBytes(now), PlannedBytes(now));
  });
  progress.Clear();
  if (!migration.ok()) return migration.status();
  std::cout << Render(*migration, output, [&] { return ResultText(*migration); });
  return migration->state() == v1::MIGRATION_STATE_SUCCEEDED ? kExitSuccess : kExitNotMigrated;
}

}  // namespace numalocality
