#include "agent/config/parse_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/config/yaml_tree.h"
#include "tests/unit/fake/dice.h"
#include "tests/unit/fake/policy_fields.h"

namespace numalocality::parse_configuration_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Every key there is.
constexpr char kAllKeys[] = R"(# what the operator wants
policies:
  - name: databases
    selector:
      namespaces: [prod, "staging"]
      matchLabels: {tier: db, version: "1.10"}
      qosClasses: [Guaranteed, Burstable]
    action: repair
    minLocalFraction: 0.85
    minRemoteBytes: 1Gi
    settle: 1m30s
    cooldown: 0
    shared: owned
    pageCache: true
    byAnnotation: namespace
    stick: cpuset-mems
    limits: {bandwidth: 512Mi, maxCallTime: 2500us}
  - name: plain_host.1
    selector:
      cgroupPaths:
        - /system.slice/postgresql.service
        - /machine
    action: observe
limits:
  bandwidth: 0
  concurrentMigrations: 5
  nodeReserve: {default: 2.5%, 1: 4Gi, 10: 0.5}
  reclaimCache: 10%
period: 1s
localDistance: 12
protectedNamespaces: []
http:
  address: "[::]:9464"
  containerSeries: false
  maxContainers: 20
api:
  clients:
  - {identity: "spiffe://cluster/ns/shop/sa/controller", role: migrator, namespaces: [shop]}
  - {identity: operator, role: admin}
sources:
  criSocket: /run/containerd/containerd.sock
  criEvents: true
  kubeletDir: /kubelet
  podLogsDir: /host/var/log
self:
  enabled: true
  socket: /run/self/x.sock
  devicePlugin: true
  devices: 10
)";

Configuration AllKeys() {
  LocalityPolicy databases;
  databases.name = "databases";
  databases.selector.namespaces = {"prod", "staging"};
  databases.selector.match_labels = {{"tier", "db"}, {"version", "1.10"}};
  databases.selector.qos_classes = {QosClass::kGuaranteed, QosClass::kBurstable};
  databases.action = PolicyAction::kRepair;
  databases.min_local_fraction = 0.85;
  databases.min_remote_bytes = int64_t{1} << 30;
  databases.settle = absl::Seconds(90);
  databases.cooldown = absl::ZeroDuration();
  databases.sharing = SharingRule::kOwned;
  databases.page_cache = true;
  databases.by_annotation = AnnotationRule::kNamespace;
  databases.stick = StickMode::kCpusetMems;
  databases.bytes_per_second = int64_t{512} << 20;
  databases.longest_call = absl::Microseconds(2500);
  LocalityPolicy host;
  host.name = "plain_host.1";
  host.selector.cgroup_paths = {"/system.slice/postgresql.service", "/machine"};
  Configuration all;
  all.policies = {databases, host};
  all.limits.bytes_per_second = 0;
  all.limits.concurrent_migrations = 5;
  all.limits.room.reserve.of_each = {.fraction = 0.025};
  all.limits.room.reserve.of_node = {{NodeId{1}, {.bytes = int64_t{4} << 30}},
                                     {NodeId{10}, {.fraction = 0.5}}};
  all.limits.room.reclaim_cache = 0.10;
  all.period = absl::Seconds(1);
  all.local_distance = 12;
  all.protected_namespaces = {};
  all.http = {.address = "[::]:9464", .container_series = false, .max_containers = 20};
  all.api.clients = {{"spiffe://cluster/ns/shop/sa/controller", Role::kMigrator, {"shop"}},
                     {"operator", Role::kAdmin, {}}};
  all.sources = {.cri_socket = "/run/containerd/containerd.sock",
                 .kubelet_dir = "/kubelet",
                 .pod_logs_dir = "/host/var/log",
                 .cri_events = true};
  all.self = {.enabled = true, .socket = "/run/self/x.sock", .device_plugin = true, .devices = 10};
  return all;
}

TEST(ParseConfigurationTest, ReadsEveryKey) {
  const auto configuration = ParseConfiguration(kAllKeys);
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  EXPECT_EQ(*configuration, AllKeys());
}

TEST(ParseConfigurationTest, EveryFieldOfAPolicyHasAKey) {
  const auto configuration = ParseConfiguration(kAllKeys);
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  const LocalityPolicy defaults;
  std::set<std::string> missing;
  for (const auto& [name, policy] : PoliciesWithOneChange()) missing.insert(name);
  for (const LocalityPolicy& policy : configuration->policies) {
    ForEachPolicyField(policy, defaults,
                       [&](const char* name, const auto& read, const auto& by_default) {
                         if (read != by_default) missing.erase(name);
                       });
  }
  EXPECT_THAT(missing, IsEmpty()) << "no key sets these fields, or kAllKeys lacks the key";
}

// "limits", "limits.bandwidth", "policies[].name", ...; not the names of labels, nor nodes.
void AddKeys(const std::string& prefix, const YamlNode& node, std::set<std::string>& keys) {
  for (const YamlEntry& entry : node.map) {
    const std::string key = absl::StrCat(prefix, prefix.empty() ? "" : ".", entry.key);
    keys.insert(key);
    if (entry.key != "matchLabels" && entry.key != "nodeReserve") AddKeys(key, entry.value, keys);
  }
  for (const YamlNode& item : node.list) AddKeys(absl::StrCat(prefix, "[]"), item, keys);
}

std::set<std::string> KeysOf(const std::string& text) {
  const auto root = ParseYaml(text);
  EXPECT_TRUE(root.ok()) << root.status();
  std::set<std::string> keys;
  if (root.ok()) AddKeys("", *root, keys);
  return keys;
}

TEST(ToJsonTest, HasEveryKey) {
  EXPECT_EQ(KeysOf(ToJson(AllKeys())), KeysOf(kAllKeys))
      << "a key is not written, or kAllKeys lacks it";
  std::set<std::string> by_default = KeysOf(kAllKeys);
  std::erase_if(by_default, [](const std::string& key) { return key.find('[') != key.npos; });
  EXPECT_EQ(KeysOf(ToJson(Configuration())), by_default);
}

TEST(ToJsonTest, IsAFileOfTheSameConfiguration) {
  Configuration odd = AllKeys();
  odd.limits.room.reserve.of_each = {.fraction = 0.1 + 0.2};
  odd.limits.room.reserve.of_node = {{NodeId{0}, {.bytes = 1024}}, {NodeId{1}, {.fraction = 0}}};
  odd.limits.room.reclaim_cache = 1e-5;
  odd.limits.bytes_per_second = (int64_t{1} << 40) + 1;
  odd.policies[0].min_local_fraction = 1e-9;
  odd.policies[0].min_remote_bytes = std::numeric_limits<int64_t>::max();
  odd.policies[0].settle = absl::Nanoseconds(1);
  odd.policies[0].selector.match_labels = {{"yes", "1.5"}, {"a \"b\" \\", "\t\x01\x7f \u00e9"}};
  for (const Configuration& configuration : {Configuration(), AllKeys(), odd}) {
    const std::string json = ToJson(configuration);
    const auto read = ParseConfiguration(json);
    ASSERT_TRUE(read.ok()) << read.status() << json;
    EXPECT_EQ(*read, configuration) << json;
  }
}

// The answers of the API and the metrics must be UTF-8.
TEST(ParseConfigurationTest, OnlyUtf8IsAccepted) {
  for (const char* text : {"# caf\xc3\xa9", "# \xe2\x82\xac \xf0\x9f\x98\x80", "# \xed\x9f\xbf"}) {
    EXPECT_TRUE(ParseConfiguration(text).ok()) << text;
  }
  for (const char* text :
       {"# caf\xe9", "# \xff", "# \x80", "# \xc0\xaf", "# \xe0\x80\xaf", "# \xed\xa0\x80",
        "# \xf4\x90\x80\x80", "# \xf8\x88\x80\x80\x80", "# \xe2\x82"}) {
    EXPECT_THAT(std::string(ParseConfiguration(text).status().message()), HasSubstr("not UTF-8"));
  }
  EXPECT_THAT(std::string(ParseConfiguration("period: \"\xc3\xa9\xff\"").status().message()),
              StartsWith("line 1, column 11: not UTF-8"));
}

// As the interface's description has it.
TEST(ParseConfigurationTest, TheDocumentedExampleStatesTheDefaults) {
  const auto configuration = ParseConfiguration(
      R"(policies:                       # first match wins; none matches: observe
  - name: databases
    selector: {namespaces: [prod], matchLabels: {tier: db}, qosClasses: [Guaranteed, Burstable]}
    action: repair              # observe | repair
    minLocalFraction: 0.90      # repair below this
    minRemoteBytes: 64Mi
    settle: 10s
    cooldown: 5m
    shared: never
    pageCache: false
    byAnnotation: none          # none | namespace | any
    stick: none                 # none | cpuset-mems
    limits: {bandwidth: 1Gi, maxCallTime: 10ms}
limits: {bandwidth: 2Gi, concurrentMigrations: 2, nodeReserve: 2%, reclaimCache: 25%}
period: 30s
localDistance: 10
protectedNamespaces: [kube-system]
)");
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  Configuration expected;
  LocalityPolicy& databases = expected.policies.emplace_back();
  databases.name = "databases";
  databases.selector.namespaces = {"prod"};
  databases.selector.match_labels = {{"tier", "db"}};
  databases.selector.qos_classes = {QosClass::kGuaranteed, QosClass::kBurstable};
  databases.action = PolicyAction::kRepair;
  databases.bytes_per_second = int64_t{1} << 30;
  EXPECT_EQ(*configuration, expected);
}

TEST(ParseConfigurationTest, NothingIsTheDefaults) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "---\n...\n", "{}", "policies: []"}) {
    const auto configuration = ParseConfiguration(text);
    ASSERT_TRUE(configuration.ok()) << text << configuration.status();
    EXPECT_EQ(*configuration, Configuration()) << text;
  }
}

TEST(ParseConfigurationTest, FractionsAndSizesHaveSeveralSpellings) {
  const auto reserve = [](absl::string_view text) {
    const auto got = ParseConfiguration(absl::StrCat("limits: {nodeReserve: ", text, "}"));
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->limits.room.reserve.of_each.fraction : -1;
  };
  EXPECT_DOUBLE_EQ(reserve("0.02"), 0.02);
  EXPECT_DOUBLE_EQ(reserve("2%"), 0.02);
  EXPECT_DOUBLE_EQ(reserve("\"2%\""), 0.02);
  EXPECT_DOUBLE_EQ(reserve("0"), 0);
  EXPECT_DOUBLE_EQ(reserve("100%"), 1);
  EXPECT_EQ(ParseConfiguration("limits: {bandwidth: 1048576}")->limits.bytes_per_second, 1 << 20);
}

// `text`, and where and what its error is.
struct Bad {
  const char* text;
  const char* place;
  const char* words;
};

constexpr Bad kBad[] = {
    // Not YAML, or more of it than is supported.
    {"policies: [", "line 1, column 12", "end of sequence flow not found"},
    {"period: 30s\n\tlocalDistance: 10", "line 2, column 1", ""},
    {"period: \"30s", "line 1, column 13", "EOF in scalar"},
    {"period: 30s\n---\nperiod: 31s\n", "line 2, column 1", "a second document begins here"},
    {"period: &p 30s", "line 1, column 9", "anchors (&name) are not supported"},
    {"period: *p", "line 1, column 9", "anchor is not defined"},
    {"a: &a [x]\nb: [*a, *a]", "line 1, column 4", "anchors"},
    {"period: !!str 30s", "line 1, column 9", "tags (!name) are not supported"},
    {"? [a, b]\n: c", "line 1, column 3", "a key must be text"},
    {"period: 30s\nlimits:\n  bandwidth: 1\x01Gi", "line 3, column 15", "a control character"},
    {"[[[[[[[[[[[1]]]]]]]]]]]", "line 1, column 11", "nested more than 10 levels deep"},
    // Keys.
    {"period: 30s\nperiod: 31s", "line 2, column 1", "key 'period' occurs twice"},
    {"policies:\n  - {name: a, settle: 1s, settle: 2s}", "line 2, column 27", "occurs twice"},
    {"perid: 30s", "line 1, column 1", "unknown key 'perid' (did you mean 'period'?)"},
    {"Limits: {}", "line 1, column 1", "did you mean 'limits'?"},
    {"colour: red", "line 1, column 1",
     "unknown key 'colour'; allowed here: policies, limits, period, localDistance, "
     "protectedNamespaces, http, api, sources, self"},
    {"policies:\n  - name: a\n    minLocalFracton: 0.9", "line 3, column 5",
     "did you mean 'minLocalFraction'?"},
    {"policies:\n  - name: a\n    selector: {namespace: [b]}", "line 3, column 16",
     "did you mean 'namespaces'?"},
    {"policies:\n  - name: a\n    limits: {concurrentMigrations: 1}", "line 3, column 14",
     "allowed here: bandwidth, maxCallTime"},
    // Types.
    {"- a", "line 1, column 1", "configuration: must be a map of keys"},
    {"text", "line 1, column 1", "configuration: must be a map of keys"},
    {"policies: {name: a}", "line 1, column 11", "policies: must be a list"},
    {"policies:\nlimits: {}", "line 1, column 1", "policies: must be a list"},
    {"policies: [databases]", "line 1, column 12", "policies: must be a map of keys"},
    {"limits: 2Gi", "line 1, column 9", "limits: must be a map of keys"},
    {"protectedNamespaces: kube-system", "line 1, column 22", "must be a list"},
    {"protectedNamespaces: [kube-system, 5]", "line 1, column 36",
     "if it is intended, put it in quotes: \"5\""},
    {"policies: [{name: [a]}]", "line 1, column 19", "name: must be text"},
    {"policies: [{name: true}]", "line 1, column 19", "put it in quotes"},
    {"policies: [{name: a, pageCache: maybe}]", "line 1, column 33", "must be true or false"},
    {"policies: [{name: a, pageCache: 'true'}]", "line 1, column 33", "without quotes"},
    {"policies: [{name: a, selector: {matchLabels: [tier]}}]", "line 1, column 46",
     "such as {tier"},
    {"policies: [{name: a, selector: {matchLabels: {tier: 1}}}]", "line 1, column 53",
     "matchLabels.tier: must be text"},
    {"localDistance: 10.5", "line 1, column 16", "must be a whole number from 10 to 254"},
    {"localDistance: \"12\"", "line 1, column 16", "must be a whole number"},
    {"period: [30s]", "line 1, column 9", "must be a time"},
    {"limits: {bandwidth: {}}", "line 1, column 21", "is not a size"},
    // Units.
    {"period: 30", "line 1, column 9", "with a unit (ms, s, m, h), such as 30s"},
    {"period: 30 sec", "line 1, column 9", "period: must be a time of at least 1s"},
    {"limits: {bandwidth: 2GB/s}", "line 1, column 21", "'2GB/s' is not a size"},
    {"limits: {bandwidth: 2.5Gi}", "line 1, column 21", "write a whole number and a unit"},
    {"policies:\n- name: a\n  minRemoteBytes: 64 Mb", "line 3, column 19",
     "minRemoteBytes: '64 Mb'"},
    // Impossible values.
    {"policies: [{name: a, minLocalFraction: 1.5}]", "line 1, column 40",
     "minLocalFraction: must be from 0 to 1, such as 0.9, or 0% to 100%"},
    {"policies: [{name: a, minLocalFraction: -0.1}]", "line 1, column 40", "must be from 0 to 1"},
    {"policies: [{name: a, minLocalFraction: nan}]", "line 1, column 40", "must be from 0 to 1"},
    {"policies: [{name: a, minLocalFraction: 90}]", "line 1, column 40", "0% to 100%"},
    {"limits: {nodeReserve: 101%}", "line 1, column 23", "must be from 0 to 1"},
    {"limits: {nodeReserve: 4096}", "line 1, column 23", "or bytes with a unit, such as 4Gi"},
    {"limits: {nodeReserve: {0: 1Xi}}", "line 1, column 27", "or bytes with a unit"},
    {"limits: {nodeReserve: {node0: 1Gi}}", "line 1, column 24",
     "'node0' is neither a node's number nor 'default'"},
    {"limits: {reclaimCache: 1Gi}", "line 1, column 24", "must be from 0 to 1"},
    {"policies: [{name: a, minRemoteBytes: -1}]", "line 1, column 38", "'-1' is not a size"},
    {"policies: [{name: a, minRemoteBytes: 9000000T}]", "line 1, column 38", "is not a size"},
    {"limits: {bandwidth: 2}", "line 1, column 21", "at least 1Mi (per second), or 0 for no limit"},
    {"limits: {concurrentMigrations: 0}", "line 1, column 32", "whole number from 1 to 64"},
    {"limits: {concurrentMigrations: -1}", "line 1, column 32", "whole number from 1 to 64"},
    {"policies: [{name: a, settle: -1s}]", "line 1, column 30",
     "settle: must be a time of at least 0"},
    {"policies: [{name: a, cooldown: inf}]", "line 1, column 32", "cooldown: must be a time"},
    {"policies: [{name: a, limits: {maxCallTime: 0}}]", "line 1, column 44", "at least 100us"},
    {"period: 999ms", "line 1, column 9", "at least 1s"},
    {"localDistance: 9", "line 1, column 16", "from 10 to 254"},
    {"http: {maxContainers: -5}", "line 1, column 23", "from 0 to 100000"},
    {"http: {address: localhost:9464}", "line 1, column 17", "is not an IP address and a port"},
    {"http: {address: '127.0.0.1:99999'}", "line 1, column 17", "such as 127.0.0.1:9464"},
    {"http: {address: '127.0.0.1'}", "line 1, column 17", "is not an IP address and a port"},
    {"api: {clients: [{role: admin}]}", "line 1, column 17", "identity is missing; name a client"},
    {"api: {clients: [{identity: shop}]}", "line 1, column 17", "role is missing; write viewer"},
    {"api: {clients: [{identity: shop, role: root}]}", "line 1, column 40",
     "role: must be one of: viewer, migrator, admin"},
    {"api: {clients: [{identity: \"a\\nb\", role: admin}]}", "line 1, column 28",
     "identity: must be the identity in a client's certificate"},
    {"api: {clients: [{identity: shop, role: viewer, namespaces: []}]}", "line 1, column 60",
     "is an empty list; leave the key out to select all"},
    {"api: {client: []}", "line 1, column 7", "unknown key 'client'"},
    {"sources: {criSocket: unix:///run/c.sock}", "line 1, column 22", "begins with '/'"},
    {"self: {socket: /self.sock}", "line 1, column 16", "in a directory of its own"},
    {"self: {socket: run/x/self.sock}", "line 1, column 16", "in a directory of its own"},
    {"self: {devices: 0}", "line 1, column 17", "devices: must be"},
    {"self: {devicePlugin: true}", "line 1, column 22", "set enabled: true"},
    {"self: {enabled: true, devicePlugin: true}\nsources: {kubeletDir: ''}", "line 2, column 23",
     "self.devicePlugin needs kubelet's directory"},
    // Policies.
    {"policies:\n  - action: repair\n", "line 2, column 5", "name is missing"},
    {"policies:\n  - name: ''\n", "line 2, column 11", "1 to 63 letters"},
    {"policies:\n  - name: 'off'\n", "line 2, column 11", "must not be 'off'"},
    {"policies:\n  - name: two words\n", "line 2, column 11", "1 to 63 letters"},
    {"policies:\n  - name: a\n  - name: b\n  - name: a\n", "line 4, column 11",
     "name: 'a' is also the name of an earlier policy; use another name"},
    {"policies:\n  - name: a\n    action: fix\n", "line 3, column 13",
     "action: must be one of: observe, repair"},
    {"policies: [{name: a, shared: maybe}]", "line 1, column 30", "one of: never, owned, all"},
    {"policies: [{name: a, byAnnotation: all}]", "line 1, column 36",
     "one of: none, namespace, any"},
    {"policies: [{name: a, byAnnotation: namespace}]", "line 1, column 36",
     "needs selector.namespaces"},
    {"policies: [{name: a, byAnnotation: any, selector: {cgroupPaths: [/a]}}]", "line 1, column 36",
     "cannot be combined with cgroupPaths"},
    {"policies: [{name: a, stick: mems}]", "line 1, column 29", "one of: none, cpuset-mems"},
    {"policies: [{name: a, selector: {qosClasses: [guaranteed]}}]", "line 1, column 46",
     "one of: Guaranteed, Burstable, BestEffort"},
    {"policies: [{name: a, selector: {namespaces: []}}]", "line 1, column 45", "leave the key out"},
    {"policies: [{name: a, selector: {namespaces: [Prod_1]}}]", "line 1, column 46", "lower-case"},
    {"policies: [{name: a, selector: {cgroupPaths: [system.slice]}}]", "line 1, column 47",
     "begin with '/'"},
    {"policies: [{name: a, selector: {cgroupPaths: [/]}}]", "line 1, column 47", "begin with '/'"},
    {"policies: [{name: a, selector: {cgroupPaths: [/a/../b]}}]", "line 1, column 47",
     "must be paths"},
    {"policies: [{name: a, selector: {cgroupPaths: [/a.service, /kubepods.slice]}}]",
     "line 1, column 59", "must be outside Kubernetes' cgroups"},
    {"policies: [{name: a, selector: {cgroupPaths: [/a, /b, /a/c]}}]", "line 1, column 55",
     "'/a/c' is within '/a'; list each cgroup once, and none within another"},
    {"policies: [{name: a, selector: {cgroupPaths: [/a/c, /a]}}]", "line 1, column 53",
     "'/a' contains '/a/c'"},
    {"policies:\n- name: a\n  selector: {cgroupPaths: [/a]}\n- name: b\n"
     "  selector: {cgroupPaths: [/ab, /a]}\n",
     "line 5, column 33", "'/a' occurs twice"},
    {"policies:\n  - name: a\n    selector:\n      cgroupPaths: [/a]\n      namespaces: [b]\n",
     "line 4, column 20", "cannot be combined with namespaces, matchLabels or qosClasses"},
};

TEST(ParseConfigurationTest, ErrorsHaveTheirPlaceAndSayWhatIsWrong) {
  for (const Bad& bad : kBad) {
    const auto configuration = ParseConfiguration(bad.text);
    ASSERT_FALSE(configuration.ok()) << bad.text;
    EXPECT_TRUE(absl::IsInvalidArgument(configuration.status())) << bad.text;
    const std::string message(configuration.status().message());
    EXPECT_THAT(message, StartsWith(absl::StrCat(bad.place, ": "))) << bad.text;
    EXPECT_THAT(message, HasSubstr(bad.words)) << bad.text;
  }
}

TEST(ParseConfigurationTest, TooMuchIsRefusedAtOnce) {
  const auto refusal = [](const std::string& text) {
    return std::string(ParseConfiguration(text).status().message());
  };
  const std::string blanks((size_t{1} << 20) + 1, ' ');
  EXPECT_THAT(refusal(blanks), HasSubstr("larger than 1048576 bytes"));
  std::string many = "policies: [";
  for (int i = 0; i < 30000; ++i) many += "a,\n";
  EXPECT_THAT(refusal(many), HasSubstr("more than 20000 values"));
  for (const char* piece :
       {"[", "{", "- ", "? ", "&a ", "\"", "a: ", "{a: ", "!a ", "|\n ", "-\n"}) {
    std::string text;
    while (text.size() < 500'000) text += piece;
    EXPECT_FALSE(ParseConfiguration(text).ok()) << piece;
  }
}

// Whatever comes of a good file when it is cut, or some of its bytes change: no crash, no hang, and
// an error has its place.
TEST(ParseConfigurationTest, MutationsOfAGoodFileDoNoHarm) {
  const std::string good = kAllKeys;
  const auto check = [](const std::string& text) {
    const auto configuration = ParseConfiguration(text);
    if (configuration.ok()) return;
    EXPECT_THAT(std::string(configuration.status().message()), StartsWith("line ")) << text;
  };
  for (size_t length = 0; length <= good.size(); ++length) check(good.substr(0, length));
  const std::string insertions = std::string("[]{}:,-?&*!|>'\"%@`#\n\t \\~\xff") + "09aZ" + '\0';
  Dice dice(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (int changes = 1 + dice.Below(4); changes > 0; --changes) {
      const auto at = static_cast<size_t>(dice.Below(static_cast<int>(text.size())));
      const auto pick = static_cast<size_t>(dice.Below(static_cast<int>(insertions.size())));
      text.replace(at, static_cast<size_t>(dice.Below(3)), 1, insertions[pick]);
    }
    check(text);
  }
}

}  // namespace
}  // namespace numalocality::parse_configuration_test
