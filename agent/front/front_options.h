// The options of numa-locality-front, as its flags set them.
#ifndef NUMALOCALITY_AGENT_FRONT_FRONT_OPTIONS_H_
#define NUMALOCALITY_AGENT_FRONT_FRONT_OPTIONS_H_

#include <string>

namespace numalocality {

struct FrontOptions {
  std::string address = "[::]:9463";
  std::string http_address;  // of /metrics and /healthz, in plaintext; "": none
  std::string agent_socket = "/run/numa-locality-front/front.sock";  // the agent's --front-socket

  std::string certificate;  // the front's, then the intermediate CAs'
  std::string key;          // of the front's certificate
  std::string client_ca;    // certificates of the CAs that sign clients' certificates
  std::string revocations;  // lists of all these CAs; "": none is revoked

  // For nginx's configuration, its PID and its temporary files.
  std::string work_dir = "/run/numa-locality-front-work";
  std::string nginx = "/usr/sbin/nginx";

  // Client connections and calls together. nginx opens a connection to the agent for each call, so
  // the agent needs more file descriptors than this, also while a reload doubles them.
  int connections = 2048;
  int calls_per_client = 32;  // at the same time, by certificate
  int calls_per_address = 64;
  int calls_per_second = 100;  // by certificate, on average
  // After files are loaded, calls of earlier connections end by themselves for so long.
  int shutdown_seconds = 30;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_FRONT_FRONT_OPTIONS_H_
