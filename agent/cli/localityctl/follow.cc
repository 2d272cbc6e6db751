#include "agent/cli/localityctl/follow.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <list>
#include <random>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/cli/localityctl/migration_text.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/progress.h"

namespace numalocality::localityctl {
namespace {

// What the signal handler prints. Built beforehand, as a signal handler must not allocate, and
// never freed, as any thread of gRPC may be in the handler.
std::atomic<const std::string*> interrupt_message = nullptr;

}  // namespace

void EndOnInterrupt(const std::string& message) {
  static std::list<std::string> kept;
  interrupt_message = &kept.emplace_back("\n" + message + "\n");
  struct sigaction action = {};
  action.sa_handler = [](int) {
    const std::string& text = *interrupt_message.load();
    const ssize_t ignored = write(STDERR_FILENO, text.data(), text.size());
    static_cast<void>(ignored);
    _exit(kExitInterrupted);
  };
  sigaction(SIGINT, &action, nullptr);
}

std::string NewRequestId() {
  std::random_device random;
  std::string id = "localityctl-";  // 36 characters with the number, as many as the API takes
  for (int i = 0; i < 3; ++i) absl::StrAppend(&id, absl::Hex(random(), absl::kZeroPad8));
  return id;
}

absl::StatusOr<v1::Migration> Submit(AgentClient& client, v1::CreateMigrationRequest request) {
  EndOnInterrupt("The migration may have started: see 'localityctl migrations'.");
  if (request.request_id().empty() && !request.validate_only()) {
    request.set_request_id(NewRequestId());
  }
  const auto response = client.CreateMigration(request);
  if (absl::IsAborted(response.status())) {
    return absl::AbortedError(absl::StrCat(
        response.status().message(),
        "; wait for a migration with 'localityctl watch ID', or stop it with 'localityctl cancel "
        "ID'"));
  }
  if (!response.ok()) return response.status();
  return response->migration();
}

absl::StatusOr<ExitCode> Follow(AgentClient& client, const std::string& id, OutputFormat output) {
  EndOnInterrupt(absl::StrCat("Migration ", id, " continues: wait for it with 'localityctl watch ",
                              id, "', or stop it with 'localityctl cancel ", id, "'."));
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
