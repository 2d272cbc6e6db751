#include "agent/cli/localityctl/policies_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/cli/parse.h"

namespace numalocality::localityctl::policies_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(PoliciesTextTest, ARowAPolicyThenWhatHoldsForAll) {
  const auto policies = Parse<v1::GetPoliciesResponse>(R"pb(
    policies {
      name: "databases"
      namespaces: [ "prod", "staging" ]
      match_labels { key: "tier" value: "db" }
      match_labels { key: "app" value: "x" }
      qos_classes: [ QOS_CLASS_GUARANTEED, QOS_CLASS_BURSTABLE ]
      repairs: true
      min_local_fraction: 0.9
      min_remote_bytes: 67108864
      settle { seconds: 10 }
      cooldown { seconds: 300 }
      limits {
        bandwidth_bytes_per_second: 1073741824
        max_call_time { nanos: 10000000 }
      }
    }
    policies {
      name: "host"
      cgroup_paths: "/system.slice/x.service"
      min_local_fraction: 0.955
      settle {}
      cooldown { seconds: 90 }
      limits { max_call_time { nanos: 500000 } }
    }
    policies { name: "rest" }
    bandwidth_bytes_per_second: 2147483648
    concurrent_migration_count: 2
    node_reserve: 0.02
    period { seconds: 30 }
    local_distance: 10
    protected_namespaces: [ "kube-system", "infra" ]
    configuration {
      path: "/etc/a.yaml"
      load_time { seconds: 1700000000 }
    }
  )pb");
  EXPECT_EQ(
      PoliciesText(policies),
      R"(#   NAME        ACTION    REPAIR BELOW   IF REMOTE   SETTLE   COOLDOWN   BANDWIDTH   CALL TIME   SELECTS
1   databases   repair             90%    64.0 MiB      10s         5m   1.0 GiB/s        10ms   namespace prod,staging; label app=x,tier=db; class Guaranteed,Burstable
2   host        observe          95.5%         0 B        0      1m30s    no limit       500us   cgroup /system.slice/x.service
3   rest        observe             0%         0 B        0          0    no limit           0   all pods

All migrations together: 2.0 GiB/s, 2 at a time, 2% of each node stays free
Reports: every 30s; local up to distance 10
Protected namespaces: kube-system infra
Configuration: /etc/a.yaml, read 2023-11-14T22:13:20Z
)");
}

TEST(PoliciesTextTest, WithoutPoliciesItSaysSo) {
  const std::string text =
      PoliciesText(Parse<v1::GetPoliciesResponse>("concurrent_migration_count: 2"));
  EXPECT_THAT(text, StartsWith("No policies: nothing is repaired.\n\n"));
  EXPECT_THAT(text, HasSubstr("All migrations together: no limit, 2 at a time"));
  EXPECT_THAT(text, HasSubstr("Protected namespaces: none\n"));
  EXPECT_THAT(text, HasSubstr("Configuration: no file, built-in defaults\n"));
}

TEST(PoliciesTextTest, AFileThatIsNotInForceIsTold) {
  v1::ConfigurationStatus status;
  status.set_path("/etc/a.yaml");
  status.set_error("line 1, column 2: no");
  EXPECT_EQ(ConfigurationWords(status),
            "/etc/a.yaml, built-in defaults; NOT in force as it is now: line 1, column 2: no");
}

}  // namespace
}  // namespace numalocality::localityctl::policies_text_test
