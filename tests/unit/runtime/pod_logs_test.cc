#include "agent/runtime/pod_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/fake/peak_memory.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::pod_logs_test {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
constexpr char kStaticUid[] = "89f4f2cb511c3b0b7e5272cff5ec37bf";
const std::string kId = std::string(63, 'a') + "0";

// "id uid namespace/pod/container"
std::string ToText(const KnownContainer& known) {
  const ContainerNames& names = known.description.names;
  return absl::StrCat(known.container_id, " ", known.pod_uid, " ", names.pod_namespace, "/",
                      names.pod, "/", names.container);
}

TEST(PodLogNamesTest, AreParsed) {
  EXPECT_EQ(ToText(ParseContainerLogName("db-0_shop_my-sql-" + kId + ".log").value()),
            kId + "  shop/db-0/my-sql");
  EXPECT_EQ(ToText(ParsePodLogName(absl::StrCat("shop_db-0_", kUid)).value()),
            absl::StrCat(" ", kUid, " shop/db-0/"));
  EXPECT_EQ(ToText(ParsePodLogName(absl::StrCat("kube-system_etcd-n1_", kStaticUid)).value()),
            absl::StrCat(" ", kStaticUid, " kube-system/etcd-n1/"));
}

TEST(PodLogNamesTest, OthersAreNot) {
  for (const std::string& name :
       {std::string(), std::string(".log"), kId + ".log", "-" + kId + ".log", "a_b_c-" + kId,
        "a_b_c" + kId + ".log", "a_b-" + kId + ".log", "a_b_-" + kId + ".log",
        "a_b_c_d-" + kId + ".log", "a_b_c-" + kId.substr(1) + ".log",
        "a_b_c-" + std::string(64, 'A') + ".log", "a_b_c-" + kId + ".log.1"}) {
    EXPECT_FALSE(ParseContainerLogName(name).has_value()) << name;
  }
  for (const char* name : {"", "a_b", "a_b_", "a_b_c_d", "_b_c", "a_b_xyz", "a__ff"}) {
    EXPECT_FALSE(ParsePodLogName(name).has_value()) << name;
  }
}

class PodLogsTest : public ::testing::Test {
 protected:
  std::set<std::string> Read() {
    std::set<std::string> texts;
    const auto known = source_.Read();
    EXPECT_TRUE(known.ok()) << known.status();
    if (!known.ok()) return texts;
    for (const KnownContainer& entry : *known) texts.insert(ToText(entry));
    return texts;
  }

  TempTree tree_;
  PodLogs source_{tree_.root()};
};

TEST_F(PodLogsTest, ReadsATreeAsKubeletMakesIt) {
  const std::string pod = absl::StrCat("pods/shop_db-0_", kUid);
  tree_.Write(pod + "/mysql/0.log", "");
  tree_.Write(absl::StrCat("pods/kube-system_etcd-n1_", kStaticUid, "/etcd/3.log"), "");
  tree_.Link("containers/db-0_shop_mysql-" + kId + ".log", tree_.Path(pod + "/mysql/0.log"));
  // A container that was removed: the link is dangling.
  const std::string other(64, 'c');
  tree_.Link("containers/web_shop_nginx-" + other + ".log", "/var/log/pods/none/0.log");
  // Kubelet truncates names to 255 bytes, here within the id.
  const std::string cut = std::string(180, 'p') + "_shop_mysql-" + kId;
  tree_.Link("containers/" + cut.substr(0, 251) + ".log", "/none");
  EXPECT_THAT(Read(), UnorderedElementsAre(kId + "  shop/db-0/mysql", other + "  shop/web/nginx",
                                           absl::StrCat(" ", kUid, " shop/db-0/"),
                                           absl::StrCat(" ", kStaticUid, " kube-system/etcd-n1/")));
}

TEST_F(PodLogsTest, OneDirectoryIsEnough) {
  tree_.MakeDirectory(absl::StrCat("pods/shop_db-0_", kUid));
  EXPECT_EQ(Read().size(), 1u);
  tree_.Remove("pods");
  tree_.MakeDirectory("containers");
  EXPECT_TRUE(Read().empty());
}

TEST_F(PodLogsTest, AbsentIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(source_.Read().status())) << source_.Read().status();
}

TEST_F(PodLogsTest, HugeDirectoriesAreRefusedAndDoNotFillTheMemory) {
  tree_.MakeDirectory("containers");
  for (int i = 0; i < 100'000; ++i) {
    tree_.Link(absl::StrCat("containers/p", i, "_shop_db-", kId, ".log"), "/none");
  }
  absl::Status status;
  const int64_t peak = PeakBytesOf([&] { status = source_.Read().status(); });
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("more than 20000 entries"));
  EXPECT_LT(peak, 16 << 20);
}

}  // namespace
}  // namespace numalocality::pod_logs_test
