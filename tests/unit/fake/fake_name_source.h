// A name source with the names that a test sets.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_NAME_SOURCE_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_NAME_SOURCE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/workload/name_source.h"

namespace numalocality {

// Not thread-safe: change it when nothing reads.
class FakeNameSource final : public NameSource {
 public:
  explicit FakeNameSource(std::string id) : id_(std::move(id)) {}

  std::string name() const override { return "fake " + id_; }
  std::string id() const override { return id_; }
  std::string address() const override { return "/run/" + id_; }
  absl::StatusOr<std::vector<KnownContainer>> Read() override {
    ++reads;
    if (on_read) on_read();
    if (!status.ok()) return status;
    return known;
  }

  std::vector<KnownContainer> known;
  absl::Status status;            // what every reading ends with
  std::function<void()> on_read;  // called in the middle of it
  int reads = 0;

 private:
  const std::string id_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_NAME_SOURCE_H_
