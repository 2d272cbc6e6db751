// The configuration that numa-locality-front writes for nginx.
#include "agent/front/nginx_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/front/front_options.h"

namespace numalocality::nginx_configuration_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(NginxConfigurationTest, AllAddressesAreIpv4WithoutIpv6) {
  FrontOptions options;
  options.http_address = "[::]:9465";
  EXPECT_THAT(NginxConfiguration(options, true, absl::UnixEpoch()),
              HasSubstr("listen [::]:9463 ipv6only=off ssl http2"));
  const std::string without = NginxConfiguration(options, false, absl::FromUnixSeconds(1234567));
  EXPECT_THAT(without, HasSubstr("listen 0.0.0.0:9463 ssl http2"));
  EXPECT_THAT(without, HasSubstr("listen 0.0.0.0:9465;"));
  EXPECT_THAT(without,
              HasSubstr("numa_locality_api_certificate_expiry_timestamp_seconds 1234567\\n"));
}

TEST(NginxConfigurationTest, EachPlaceholderIsReplaced) {
  for (const bool is_served : {true, false}) {
    EXPECT_THAT(NginxConfiguration(FrontOptions(), is_served, absl::UnixEpoch()),
                Not(ContainsRegex("@[A-Z_]+@")));
  }
}

TEST(NginxConfigurationTest, NoOptionCanAddToIt) {
  FrontOptions options;
  options.certificate = options.key = options.client_ca = "/tls/x";
  EXPECT_TRUE(CheckFrontOptions(options).ok());
  for (std::string FrontOptions::*path :
       {&FrontOptions::agent_socket, &FrontOptions::certificate, &FrontOptions::key,
        &FrontOptions::client_ca, &FrontOptions::work_dir, &FrontOptions::revocations}) {
    for (const char* wrong : {"/a;b", "/a b", "/$a", "/a\"", "/a\n", "a", "/a{"}) {
      FrontOptions other = options;
      other.*path = wrong;
      EXPECT_TRUE(absl::IsInvalidArgument(CheckFrontOptions(other))) << wrong;
    }
  }
  options.http_address = "localhost:1";
  EXPECT_TRUE(absl::IsInvalidArgument(CheckFrontOptions(options)));
}

}  // namespace
}  // namespace numalocality::nginx_configuration_test
