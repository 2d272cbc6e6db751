// A MigrationObserver that stops a migration where the test says, and records its notifications.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_SCRIPTED_OBSERVER_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_SCRIPTED_OBSERVER_H_

#include <limits>
#include <optional>
#include <vector>

#include "agent/engine/move/workload_mover.h"

namespace numalocality {

class ScriptedObserver final : public MigrationObserver {
 public:
  // From the `question`th StopReason on (1 is the first) the answer is `reason`.
  void StopAt(int question, MigrationReason reason) {
    stop_at_ = question;
    reason_ = reason;
  }
  // From the `batch`th batch on.
  void StopAfterBatch(int batch, MigrationReason reason) {
    stop_after_batch_ = batch;
    reason_ = reason;
  }
  // As soon as there is a result in this state, instead of any other reason.
  void CancelIn(MigrationState state) { cancel_in_ = state; }

  MigrationReason StopReason() override {
    if (cancel_in_.has_value() && !progress.empty() && progress.back().state == *cancel_in_) {
      return MigrationReason::kCancelled;
    }
    const bool stop =
        ++questions_ >= stop_at_ || static_cast<int>(batches.size()) >= stop_after_batch_;
    return stop ? reason_ : MigrationReason::kNone;
  }
  void OnBatch(int, pid_t, int64_t pages) override { batches.push_back(pages); }
  void OnBatchEnd(int) override {}
  void OnProgress(const WorkloadMigration& result) override { progress.push_back(result); }

  std::vector<int64_t> batches;             // pages of each
  std::vector<WorkloadMigration> progress;  // each result reported
  int questions() const { return questions_; }

 private:
  int questions_ = 0;
  std::optional<MigrationState> cancel_in_;
  int stop_at_ = std::numeric_limits<int>::max();
  int stop_after_batch_ = std::numeric_limits<int>::max();
  MigrationReason reason_ = MigrationReason::kNone;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_SCRIPTED_OBSERVER_H_
