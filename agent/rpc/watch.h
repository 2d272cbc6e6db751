// Watches: calls that stream changes for as long as their callers want. They cost memory and no
// thread each (gRPC's callback API), so many callers can watch.
#ifndef NUMALOCALITY_AGENT_RPC_WATCH_H_
#define NUMALOCALITY_AGENT_RPC_WATCH_H_

#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/status.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/model/access.h"
#include "agent/rpc/call.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality {

// A watch as its pump sees it. Thread-safe.
class PumpedWatch {
 public:
  virtual ~PumpedWatch() = default;
  // Something may have changed: sends it, unless the caller has not received the last message.
  virtual void Poke() = 0;
  // Ends the watch, because the agent stops.
  virtual void Stop() = 0;
};

// Pokes all watches of a service, on one thread. Thread-safe.
class WatchPump {
 public:
  // At most ten rounds a second: a person or a controller can follow no more.
  static constexpr absl::Duration kInterval = absl::Milliseconds(100);
  // Watches of all callers of a service.
  static constexpr size_t kMaxWatches = 4096;

  // `wait` returns when something may have changed, at the latest after about a second. A watch
  // without changes sends a heartbeat after `heartbeat`, so that both sides, and servers between
  // them, see that the other one is there.
  WatchPump(std::function<void()> wait, absl::Duration heartbeat);
  // No watch may be left.
  ~WatchPump();
  WatchPump(const WatchPump&) = delete;
  WatchPump& operator=(const WatchPump&) = delete;

  // Keeps the watch until Remove, if OK. RESOURCE_EXHAUSTED with kMaxWatches, UNAVAILABLE after
  // Stop.
  absl::Status Add(std::shared_ptr<PumpedWatch> watch);
  void Remove(const PumpedWatch& watch);
  // Ends all watches; new ones are refused.
  void Stop();

  absl::Duration heartbeat() const { return heartbeat_; }

 private:
  std::map<const PumpedWatch*, std::shared_ptr<PumpedWatch>> Watches() const;
  void Run();

  const std::function<void()> wait_;
  const absl::Duration heartbeat_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::map<const PumpedWatch*, std::shared_ptr<PumpedWatch>> watches_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

// What a watch does next.
struct WatchStep {
  bool has_message = false;
  bool ask_again = false;                // more messages may follow in this round
  std::optional<absl::Status> end = {};  // the watch ends, after the message if there is one
};

// A call that streams messages of a type with the fields `heartbeat` and `agent`. It ends when its
// caller may not call any more.
template <typename Message>
class Watch final : public grpc::ServerWriteReactor<Message>, public PumpedWatch {
 public:
  // Fills in the next message, if there is one. One call at a time. `access`: as of this round.
  // `new_round`: changes that came since the last round may be taken; without it, only what is left
  // of this round.
  using Source = std::function<WatchStep(const Access& access, Message& message, bool new_round)>;

  // Starts a watch; gRPC and the pump own it. The pump outlives it, and so does `agent`, which all
  // messages name.
  static Watch* Start(WatchPump& pump, std::unique_ptr<Call> call, Source source,
                      const v1::AgentInstance& agent) {
    auto watch = std::shared_ptr<Watch>(new Watch(pump, std::move(call), std::move(source), agent));
    absl::Status status = watch->call_->access().status();
    if (status.ok()) status = pump.Add(watch);
    if (status.ok()) {
      watch->Poke();
    } else {
      watch->self_ = watch;
      watch->End(status);
    }
    return watch.get();
  }

  // A call that ends with this status.
  static Watch* Refuse(WatchPump& pump, std::unique_ptr<Call> call, const absl::Status& status) {
    auto watch = std::shared_ptr<Watch>(
        new Watch(pump, std::move(call), nullptr, v1::AgentInstance::default_instance()));
    watch->self_ = watch;
    watch->End(status);
    return watch.get();
  }

  void Poke() override { Advance(true); }

  void Stop() override {
    End(absl::UnavailableError("the agent stops; watch again when it has restarted"));
  }

 private:
  Watch(WatchPump& pump, std::unique_ptr<Call> call, Source source, const v1::AgentInstance& agent)
      : pump_(pump), call_(std::move(call)), source_(std::move(source)), agent_(agent) {}

  void OnWriteDone(bool ok) override {
    bool ask_again = false;
    {
      MutexLock lock(mutex_);
      is_writing_ = false;
      ask_again = ask_again_ || missed_round_;
      if (!ok && !end_.has_value()) end_ = absl::CancelledError();
    }
    if (ask_again || !ok) {
      Advance(false);
    } else {
      FinishIfEnded();
    }
  }

  void OnCancel() override { End(absl::CancelledError()); }

  void OnDone() override {
    const std::shared_ptr<Watch> keep = std::move(self_);
    pump_.Remove(*this);  // the last access: without `keep` this deletes it
  }

  void End(const absl::Status& status) {
    {
      MutexLock lock(mutex_);
      if (!end_.has_value()) end_ = status;
    }
    FinishIfEnded();
  }

  // Ends the call once the message that is being written has been.
  void FinishIfEnded() {
    absl::Status status;
    {
      MutexLock lock(mutex_);
      if (!end_.has_value() || is_writing_ || is_finished_) return;
      is_finished_ = true;
      status = *end_;
    }
    this->Finish(call_->End(status));
  }

  void Advance(bool new_round) {
    bool has_message = false;
    {
      MutexLock lock(mutex_);
      if (is_writing_) {
        missed_round_ |= new_round;
      } else if (!end_.has_value()) {
        has_message = Take(new_round || std::exchange(missed_round_, false));
      }
    }
    // Without the lock: gRPC may call OnWriteDone at once.
    if (has_message) {
      this->StartWrite(&message_);
    } else {
      FinishIfEnded();
    }
  }

  // Prepares the next message. Returns false if there is none.
  bool Take(bool new_round) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    message_.Clear();
    if (new_round) access_ = call_->access();
    if (!access_.ok()) {
      end_ = access_.status();
      return false;
    }
    WatchStep step = source_(*access_, message_, new_round);
    end_ = std::move(step.end);
    ask_again_ = step.ask_again;
    if (!step.has_message) {
      if (Clock::System().Monotonic() - last_message_ < pump_.heartbeat()) return false;
      message_.set_heartbeat(true);
    }
    *message_.mutable_agent() = agent_;
    last_message_ = Clock::System().Monotonic();
    is_writing_ = true;
    return true;
  }

  WatchPump& pump_;
  std::shared_ptr<Watch> self_;  // of a watch that the pump does not keep
  const std::unique_ptr<Call> call_;
  Mutex mutex_;
  absl::StatusOr<Access> access_ ABSL_GUARDED_BY(mutex_);  // as of this round
  const Source source_ ABSL_GUARDED_BY(mutex_);
  const v1::AgentInstance& agent_;
  Message message_;  // belongs to gRPC while is_writing_
  absl::Duration last_message_ ABSL_GUARDED_BY(mutex_) = Clock::System().Monotonic();
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ask_again_ ABSL_GUARDED_BY(mutex_) = false;
  bool missed_round_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_WATCH_H_
