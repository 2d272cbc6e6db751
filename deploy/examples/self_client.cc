// A container that asks for itself, at the self socket (proto/numalocality/v1/self.proto):
//   self-client                    moves its memory to the nodes of its CPUs
//   self-client --buffer MIB NODE  allocates a buffer, and moves only that
// For tests: --buffer MIB NODE S keeps the buffer for S seconds; --container ID names a container.
// Needs no gRPC. With Debian's protobuf-compiler and libprotobuf-dev, from the top of the checkout:
//   protoc -I proto --cpp_out=. proto/numalocality/v1/{self,migration,placement,workload}.proto
//   g++ -I. -o self-client deploy/examples/self_client.cc numalocality/v1/*.pb.cc -lprotobuf
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "numalocality/v1/self.pb.h"

namespace v1 = numalocality::v1;

namespace {

std::string SocketPath() {
  const char* const path = std::getenv("NUMA_LOCALITY_SELF_SOCKET");  // set by the device plugin
  return path != nullptr ? path : "/run/numa-locality-self/self.sock";
}

void ReadAll(int fd, char* data, size_t size) {
  for (size_t got = 0; got < size;) {
    const ssize_t more = read(fd, data + got, size - got);
    if (more <= 0) throw std::runtime_error("the agent closed the connection");
    got += static_cast<size_t>(more);
  }
}

// One request and one response, each behind its length, on a connection of their own.
v1::SelfResponse Ask(const v1::SelfRequest& request) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  SocketPath().copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect to " + SocketPath());
  }
  const std::string message = request.SerializeAsString();
  uint32_t length = htonl(static_cast<uint32_t>(message.size()));
  const std::string bytes = std::string(reinterpret_cast<char*>(&length), 4) + message;
  // A failure is not the end: an agent that refuses the connection says why before it closes it.
  (void)!write(fd, bytes.data(), bytes.size());
  ReadAll(fd, reinterpret_cast<char*>(&length), 4);
  std::string answer(ntohl(length), '\0');
  ReadAll(fd, answer.data(), answer.size());
  close(fd);
  v1::SelfResponse response;
  if (!response.ParseFromString(answer)) throw std::runtime_error("not a SelfResponse");
  if (response.has_error()) {
    throw std::runtime_error("code " + std::to_string(response.error().code()) + ": " +
                             response.error().message());
  }
  return response;
}

// Requests the migration, waits for its end, and prints it.
int Migrate(const v1::SelfRequest& request) {
  v1::SelfRequest watch;
  watch.mutable_watch_migration()->set_id(Ask(request).create_migration().migration().id());
  const v1::Migration ended = Ask(watch).watch_migration().migration();
  for (const v1::WorkloadMigration& each : ended.workloads()) {
    std::cout << v1::MigrationState_Name(ended.state()) << ": " << each.on_target_page_count()
              << " of " << each.examined_page_count() << " pages are on the target" << std::endl;
  }
  return ended.state() == v1::MIGRATION_STATE_SUCCEEDED ? EXIT_SUCCESS : EXIT_FAILURE;
}

int MigrateBuffer(size_t bytes, int node, unsigned seconds) {
  const std::vector<char> buffer(bytes, 'x');
  v1::SelfRequest request;
  v1::CreateMigrationRequest* migration = request.mutable_create_migration();
  v1::AddressRange* range = migration->add_address_ranges();
  range->set_start(reinterpret_cast<uintptr_t>(buffer.data()));
  range->set_end(reinterpret_cast<uintptr_t>(buffer.data() + buffer.size()));
  migration->add_target_node_ids(node);
  const int status = Migrate(request);
  sleep(seconds);
  return status;
}

int Run(const std::vector<std::string>& arguments) {
  if (arguments.size() >= 3 && arguments[0] == "--buffer") {
    const unsigned long seconds = arguments.size() > 3 ? std::stoul(arguments[3]) : 0;
    return MigrateBuffer(std::stoul(arguments[1]) << 20, std::stoi(arguments[2]),
                         static_cast<unsigned>(seconds));
  }
  v1::SelfRequest request;
  v1::CreateMigrationRequest* migration = request.mutable_create_migration();
  if (arguments.size() == 2 && arguments[0] == "--container") {
    migration->add_workloads()->set_container_id(arguments[1]);
  } else if (!arguments.empty()) {
    throw std::runtime_error("usage: self-client [--buffer MIB NODE [SECONDS] | --container ID]");
  }
  return Migrate(request);
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  try {
    return Run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "ERROR: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
