#include "agent/runtime/kubelet_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::kubelet_state_test {
namespace {

using ::testing::HasSubstr;

constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
constexpr char kStaticUid[] = "89f4f2cb511c3b0b7e5272cff5ec37bf";

// Written by kubelet 1.30 with both static policies.
constexpr char kCpus[] =
    R"({"policyName":"static","defaultCpuSet":"0-9,11-77","entries":{)"
    R"("01234567-cccc-dddd-eeee-ffff00001111":{"mysql":"10,86","sidecar":"12"},)"
    R"("89f4f2cb511c3b0b7e5272cff5ec37bf":{"etcd":"14-15"}},"checksum":1364164120})";
constexpr char kMemory[] =
    R"({"policyName":"Static","machineState":{"0":{"numberOfAssignments":1,"memoryMap":{"memory":)"
    R"({"total":1,"systemReserved":0,"allocatable":1,"reserved":1,"free":0}},"cells":[0]}},)"
    R"("entries":{"01234567-cccc-dddd-eeee-ffff00001111":{"mysql":[)"
    R"({"numaAffinity":[0],"type":"hugepages-1Gi","size":1073741824},)"
    R"({"numaAffinity":[0,1],"type":"memory","size":1073741824}]}},"checksum":1})";

class KubeletStateTest : public ::testing::Test {
 protected:
  // "uid/container" -> "cpus@nodes"
  std::map<std::string, std::string> Read() {
    std::map<std::string, std::string> result;
    const auto known = source_.Read();
    EXPECT_TRUE(known.ok()) << known.status();
    if (!known.ok()) return result;
    for (const KnownContainer& entry : *known) {
      EXPECT_EQ(entry.container_id, "");
      EXPECT_EQ(entry.description.names.pod, "");
      EXPECT_FALSE(entry.description.metadata.has_value());
      const KubeletAssignment& assignment = entry.description.assignment.value();
      result[absl::StrCat(entry.pod_uid, "/", entry.description.names.container)] = absl::StrCat(
          assignment.exclusive_cpus.ToString(), "@", assignment.memory_nodes.ToString());
    }
    return result;
  }

  TempTree tree_;
  KubeletState source_{tree_.root()};
};

TEST_F(KubeletStateTest, JoinsBothFiles) {
  tree_.Write("cpu_manager_state", kCpus);
  tree_.Write("memory_manager_state", kMemory);
  const std::string pod = absl::StrCat(kUid, "/");
  EXPECT_EQ(Read(), (std::map<std::string, std::string>{
                        {pod + "mysql", "10,86@0-1"},
                        {pod + "sidecar", "12@none"},
                        {absl::StrCat(kStaticUid, "/etcd"), "14-15@none"}}));
}

TEST_F(KubeletStateTest, OneFileIsEnough) {
  tree_.Write("memory_manager_state", kMemory);
  EXPECT_EQ(Read(),
            (std::map<std::string, std::string>{{absl::StrCat(kUid, "/mysql"), "none@0-1"}}));
  tree_.Remove("memory_manager_state");
  tree_.Write("cpu_manager_state", kCpus);
  EXPECT_EQ(Read().size(), 3u);
}

TEST_F(KubeletStateTest, NewerKubeletsWrapTheState) {
  std::string text = kCpus;
  for (size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  tree_.Write("cpu_manager_state", absl::StrCat(R"({"data":")", text, R"(","checksum":7})"));
  EXPECT_EQ(Read().size(), 3u);
}

TEST_F(KubeletStateTest, OlderKubeletsNameNodesOtherwise) {
  std::string text = kMemory;
  text.replace(text.find("cells"), 5, "nodes");
  tree_.Write("memory_manager_state", text);
  EXPECT_EQ(Read().size(), 1u);
}

TEST_F(KubeletStateTest, WithoutAPolicyThereIsNothing) {
  tree_.Write("cpu_manager_state",
              R"({"policyName":"none","defaultCpuSet":"","checksum":1353318690})");
  tree_.Write("memory_manager_state",
              R"({"policyName":"None","machineState":{},"entries":null,"checksum":4236770233})");
  EXPECT_TRUE(Read().empty());
}

TEST_F(KubeletStateTest, WhatIsNotUnderstoodIsLeftOut) {
  for (const char* entries :
       {"[]", "7", "\"x\"", R"({"u":7})", R"({"u":{"c":7}})", R"({"u":{"c":"1-x"}})",
        R"({"u":{"c":{"original":"1"}}})", R"({"u":{"c":""}})", R"({"u":{"c":[7]}})",

        R"({"u":{"c":[{"numaAffinity":["a",-1,70000,{}]}]}})"}) {
    const std::string text = absl::StrCat(R"({"entries":)", entries, "}");
    tree_.Write("cpu_manager_state", text);
    tree_.Write("memory_manager_state", text);
    EXPECT_TRUE(Read().empty()) << entries;
  }
}

TEST_F(KubeletStateTest, AbsentIsNotFound) {
  const absl::Status status = source_.Read().status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
}

TEST_F(KubeletStateTest, AMalformedFileIsAnErrorThatNamesIt) {
  tree_.Write("memory_manager_state", kMemory);
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("\xff\xfe"),
        std::string(R"({"data":"{"})"), std::string(100'000, '[')}) {
    tree_.Write("cpu_manager_state", text);
    const absl::Status status = source_.Read().status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status << " " << text.substr(0, 20);
    EXPECT_THAT(std::string(status.message()), HasSubstr(tree_.Path("cpu_manager_state")));
  }
  tree_.Write("cpu_manager_state", std::string((1 << 20) + 1, ' '));
  EXPECT_TRUE(absl::IsResourceExhausted(source_.Read().status())) << source_.Read().status();
}

}  // namespace
}  // namespace numalocality::kubelet_state_test
