// One table for each enum that people or programs see: the keys and words of its values, and what
// to do about them. Metrics, JSON, configuration, logs and localityctl take them from here.
//
// An enum with a table declares, beside itself, in namespace numalocality:
//
//   const EnumTable<Color>& TableOf(Color);
//
// and its .cc file defines it, with a static_assert of IsWellFormed. The argument only selects the
// overload. Enumerators are numbered 0, 1, 2, ... without gaps.
//
// A new value needs a row in its enum's table, at its place, and a value of the same name in the
// API (proto/). The build fails without the row; tests/component/api_enum_test.cc fails without the
// API's value. Values are converted to the API's by name, so the numbers need not agree. A first
// enumerator that means "none yet" (MigrationReason::kNone, CrossCheckVerdict::kNotCompared) is the
// API's UNSPECIFIED.
#ifndef NUMALOCALITY_AGENT_MODEL_ENUM_TABLE_H_
#define NUMALOCALITY_AGENT_MODEL_ENUM_TABLE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace numalocality {

template <typename E>
struct EnumRow {
  E value;
  // For programs, in lower_snake_case: a metric's label, a JSON value. The API's name is the upper
  // case of it behind the enum's prefix: "no_room" is MIGRATION_REASON_NO_ROOM. Empty for a value
  // that no interface ever shows; such values come last.
  absl::string_view key;
  // For people. Where people also write the value, in the configuration or a flag, exactly what
  // they write: "cpuset-mems", "BestEffort".
  absl::string_view words;
  // What to do about it, a sentence without a full stop; empty if nothing needs to be done.
  absl::string_view advice;
};

namespace enum_table_internal {

// Whether `kValue` is an enumerator: compilers write any other value as "(Color)12".
template <auto kValue>
consteval bool IsEnumerator() {
  const std::string_view name = __PRETTY_FUNCTION__;
  return name[name.rfind('=') + 2] != '(';
}

template <typename E, int kFirst = 0>
consteval int CountEnumerators() {
  if constexpr (IsEnumerator<static_cast<E>(kFirst)>()) {
    return CountEnumerators<E, kFirst + 1>();
  } else {
    return kFirst;
  }
}

constexpr bool IsLowerSnake(absl::string_view text) {
  if (text.empty() || text.front() == '_' || text.back() == '_') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace enum_table_internal

// The number of E's enumerators, as the compiler counts them.
template <typename E>
inline constexpr int kEnumCount = enum_table_internal::CountEnumerators<E>();

template <typename E>
using EnumTable = std::array<EnumRow<E>, static_cast<size_t>(kEnumCount<E>)>;

// Whether `table` has the row of each value at that value's place, and every row keeps the rules
// of EnumRow.
template <typename E>
constexpr bool IsWellFormed(const EnumTable<E>& table) {
  for (size_t i = 0; i < table.size(); ++i) {
    const EnumRow<E>& row = table[i];
    if (row.value != static_cast<E>(i)) return false;
    if (row.key.empty()) {
      if (!row.words.empty() || !row.advice.empty()) return false;
      continue;
    }
    if (i > 0 && table[i - 1].key.empty()) return false;
    if (!enum_table_internal::IsLowerSnake(row.key) || row.words.empty()) return false;
    if (!row.advice.empty() && row.advice.back() == '.') return false;
    for (size_t earlier = 0; earlier < i; ++earlier) {
      if (table[earlier].key == row.key || table[earlier].words == row.words) return false;
    }
  }
  return true;
}

template <typename E>
absl::string_view KeyOf(E value) {
  return TableOf(value)[static_cast<size_t>(value)].key;
}

template <typename E>
absl::string_view WordsOf(E value) {
  return TableOf(value)[static_cast<size_t>(value)].words;
}

template <typename E>
absl::string_view AdviceOf(E value) {
  return TableOf(value)[static_cast<size_t>(value)].advice;
}

// "NO_ROOM": the API's name of the value, without the enum's prefix.
template <typename E>
std::string ApiNameOf(E value) {
  return absl::AsciiStrToUpper(KeyOf(value));
}

// The values that have a key, in order.
template <typename E>
std::vector<E> AllValues() {
  std::vector<E> values;
  for (const EnumRow<E>& row : TableOf(E{})) {
    if (!row.key.empty()) values.push_back(row.value);
  }
  return values;
}

// nullopt if no value has this key.
template <typename E>
std::optional<E> FromKey(absl::string_view key) {
  for (const EnumRow<E>& row : TableOf(E{})) {
    if (!key.empty() && row.key == key) return row.value;
  }
  return std::nullopt;
}

// nullopt if no value has these words.
template <typename E>
std::optional<E> FromWords(absl::string_view words) {
  for (const EnumRow<E>& row : TableOf(E{})) {
    if (!words.empty() && row.words == words) return row.value;
  }
  return std::nullopt;
}

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_ENUM_TABLE_H_
