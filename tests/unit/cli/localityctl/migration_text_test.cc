#include "agent/cli/localityctl/migration_text.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/parse.h"

namespace numalocality::localityctl::migration_text_test {
namespace {

v1::Migration Partial() {
  return Parse<v1::Migration>(R"pb(
    id: "6b02-1"
    state: MIGRATION_STATE_PARTIAL
    reason: MIGRATION_REASON_NO_ROOM
    page_bytes: 4096
    create_time { seconds: 1700000000 nanos: 5 }
    start_time { seconds: 1700000001 }
    end_time { seconds: 1700000002 nanos: 240000000 }
    workloads {
      workload { pod_uid: "uid-1" container_id: "0123456789abcdef" }
      planned_page_count: 1024
      outcomes { outcome: PAGE_OUTCOME_MOVED page_count: 768 }
    }
  )pb");
}

TEST(MigrationsTextTest, IsALineEach) {
  v1::ListMigrationsResponse list;
  *list.add_migrations() = Partial();
  list.mutable_migrations(0)->add_workloads();
  *list.add_migrations() = Parse<v1::Migration>(R"pb(
    id: "6b02-2"
    state: MIGRATION_STATE_PENDING
    page_bytes: 4096
    create_time { seconds: 1700000003 }
    workloads { workload { pid: 12 } }
  )pb");
  EXPECT_EQ(MigrationsText(list.migrations()),
            "ID       STATE     REASON    WORKLOAD                                        MOVED   "
            "PLANNED     TIME   CREATED\n"
            "6b02-1   PARTIAL   NO_ROOM   pod uid-1 container 0123456789ab and 1 more   3.0 MiB   "
            "4.0 MiB   1.24 s   2023-11-14T22:13:20Z\n"
            "6b02-2   PENDING   -         process 12                                        0 B   "
            "    0 B        -   2023-11-14T22:13:23Z\n");
}

}  // namespace
}  // namespace numalocality::localityctl::migration_text_test
