// Sets of node and CPU ids, and the list format that Linux writes them in ("0-3,8").
#ifndef NUMALOCALITY_AGENT_MODEL_ID_SET_H_
#define NUMALOCALITY_AGENT_MODEL_ID_SET_H_

#include <initializer_list>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/model/ids.h"

namespace numalocality {

// Parses a Linux list of ids such as "0-3,8" (cpulist, cpuset.mems); empty text is the empty set.
// INVALID_ARGUMENT for anything else, and for ids above 65535.
absl::StatusOr<std::set<int>> ParseIdList(absl::string_view text);

// Formats the same list, consecutive ids as ranges ("0-3,8"); "" for the empty set.
std::string FormatIdList(const std::set<int>& ids);

// An ordered set of ids of one kind.
template <typename Id>
class IdSet {
 public:
  IdSet() = default;
  IdSet(std::initializer_list<Id> ids) : ids_(ids) {}

  static absl::StatusOr<IdSet> Parse(absl::string_view list) {
    NL_ASSIGN_OR_RETURN(const std::set<int> values, ParseIdList(list));
    IdSet set;
    for (const int value : values) set.Insert(Id{value});
    return set;
  }

  void Insert(Id id) { ids_.insert(id); }
  bool Contains(Id id) const { return ids_.contains(id); }
  bool empty() const { return ids_.empty(); }
  size_t size() const { return ids_.size(); }
  auto begin() const { return ids_.begin(); }
  auto end() const { return ids_.end(); }
  bool operator==(const IdSet&) const = default;

  bool ContainsAll(const IdSet& other) const { return (other - *this).empty(); }

  IdSet operator|(const IdSet& other) const {
    IdSet result = *this;
    for (const Id id : other) result.Insert(id);
    return result;
  }

  IdSet operator&(const IdSet& other) const {
    IdSet result;
    for (const Id id : ids_) {
      if (other.Contains(id)) result.Insert(id);
    }
    return result;
  }

  IdSet operator-(const IdSet& other) const {
    IdSet result;
    for (const Id id : ids_) {
      if (!other.Contains(id)) result.Insert(id);
    }
    return result;
  }

  // "0-3,8"; "none" for the empty set.
  std::string ToString() const {
    std::set<int> values;
    for (const Id id : ids_) values.insert(id.value);
    return values.empty() ? "none" : FormatIdList(values);
  }

 private:
  std::set<Id> ids_;
};

using NodeSet = IdSet<NodeId>;
using CpuSet = IdSet<CpuId>;

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_ID_SET_H_
