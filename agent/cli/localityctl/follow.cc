#include "agent/cli/localityctl/follow.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <list>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/migration_text.h"
#include "agent/cli/localityctl/result_text.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/progress.h"

namespace numalocality::localityctl {
namespace {

// What the handler prints: put together before the signal can come, as a handler must not allocate,
// and never taken away, as any of gRPC's threads may be in the handler.
std::atomic<const std::string*> interrupt_words = nullptr;

}  // namespace

void EndOnInterrupt(const std::string& words) {
  static std::list<std::string> kept;
  interrupt_words = &kept.emplace_back("\n" + words + "\n");
  struct sigaction action = {};
  action.sa_handler = [](int) {
    const std::string& text = *interrupt_words.load();
    const ssize_t ignored = write(STDERR_FILENO, text.data(), text.size());
    static_cast<void>(ignored);
    _exit(kExitInterrupted);
  };
  sigaction(SIGINT, &action, nullptr);
}

absl::StatusOr<v1::Migration> Submit(AgentClient& client,
                                     const v1::CreateMigrationRequest& request) {
  EndOnInterrupt("The migration may have begun all the same: 'localityctl migrations' shows it.");
  const auto response = client.CreateMigration(request);
  if (absl::IsAborted(response.status())) {
    return absl::AbortedError(absl::StrCat(
        response.status().message(),
        "; 'localityctl watch ID' waits for its end, 'localityctl cancel ID' stops it"));
  }
  if (!response.ok()) return response.status();
  return response->migration();
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

}  // namespace numalocality::localityctl
