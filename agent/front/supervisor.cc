#include "agent/front/supervisor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/front/nginx_configuration.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

std::string ConfigurationPath(const FrontOptions& options) {
  return options.work_dir + "/nginx.conf";
}

bool HasIpv6() { return ScopedFd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)).valid(); }

// Runs nginx with these options in a child process, which ends with this thread. `output`: where
// its messages go.
absl::StatusOr<pid_t> Spawn(const FrontOptions& options, const char* option, int output) {
  const std::string configuration = ConfigurationPath(options);
  const pid_t child = fork();
  if (child < 0) return ErrnoStatus(errno, "fork");
  if (child > 0) return child;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(output, STDERR_FILENO);
  // -e: the log until the configuration is read, which names a file that may not exist otherwise.
  execl(options.nginx.c_str(), "nginx", "-e", "stderr", "-c", configuration.c_str(), option,
        nullptr);
  dprintf(STDERR_FILENO, "%s: %s\n", options.nginx.c_str(), strerror(errno));
  _exit(127);
}

// Reads what there is, up to a limit: clients can make nginx write more than is ever read.
std::string TextFrom(int fd) {
  constexpr size_t kMostBytes = size_t{1} << 20;
  std::string text;
  char part[4096];
  ssize_t size = 0;
  while (text.size() < kMostBytes &&
         ((size = read(fd, part, sizeof(part))) > 0 || (size < 0 && errno == EINTR))) {
    if (size > 0) text.append(part, static_cast<size_t>(size));
  }
  return text;
}

// nginx's own check of the configuration and of the files that it names.
absl::Status Check(const FrontOptions& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  const ScopedFd out(ends[0]);
  ScopedFd in(ends[1]);
  NL_ASSIGN_OR_RETURN(const pid_t child, Spawn(options, "-t", in.get()));
  in.Reset();
  const std::string text = TextFrom(out.get());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("nginx refuses them: ", absl::StripAsciiWhitespace(text)));
}

}  // namespace

absl::Status Supervisor::Tick() {
  PassOnLog();
  if (is_running()) NL_RETURN_IF_ERROR(CheckRunning());
  absl::StatusOr<TlsFiles> files = ReadTlsFiles(options_);
  const bool is_known = seen_.has_value() && files.ok() == seen_->ok() &&
                        (files.ok() ? *files == **seen_ : files.status() == seen_->status());
  if (is_known && clock_.Monotonic() < retry_at_) {
    RemindOfExpiry();
    return absl::OkStatus();
  }
  const absl::Status loaded = files.ok() ? Load(*files) : files.status();
  retry_at_ = files.ok() && !loaded.ok() ? clock_.Monotonic() + kRetry : absl::InfiniteDuration();
  seen_ = std::move(files);
  const bool is_news = std::exchange(complaint_, loaded) != loaded;
  if (!loaded.ok()) {
    if (!is_news) return absl::OkStatus();
    LogError(absl::StrCat(
        "TLS files are not usable; ",
        is_running() ? "those loaded before stay in use: " : "no client is served until they are: ",
        loaded.message()));
    return absl::OkStatus();
  }
  ++load_count_;
  LogInfo(absl::StrCat("TLS files loaded address=", options_.address, " certificates expire=",
                       absl::FormatTime(absl::RFC3339_sec, expiry_, absl::UTCTimeZone())));
  reminded_ = -absl::InfiniteDuration();
  RemindOfExpiry();
  return absl::OkStatus();
}

absl::Status Supervisor::Load(const TlsFiles& files) {
  NL_ASSIGN_OR_RETURN(const absl::Time expiry, CheckTlsFiles(files, options_));
  if (mkdir(options_.work_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("create directory ", options_.work_dir));
  }
  NL_RETURN_IF_ERROR(
      ReplaceFile(ConfigurationPath(options_), NginxConfiguration(options_, HasIpv6(), expiry)));
  NL_RETURN_IF_ERROR(Check(options_));
  if (!is_running()) {
    NL_RETURN_IF_ERROR(Start());
  } else if (kill(nginx_, SIGHUP) != 0) {
    return ErrnoStatus(errno, "reload nginx");
  }
  expiry_ = expiry;
  return absl::OkStatus();
}

absl::Status Supervisor::Start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoStatus(errno, "pipe");
  log_ = ScopedFd(ends[0]);
  const ScopedFd in(ends[1]);
  NL_ASSIGN_OR_RETURN(nginx_, Spawn(options_, "-q", in.get()));
  return absl::OkStatus();
}

void Supervisor::PassOnLog() {
  if (!log_.valid()) return;
  std::vector<std::string> lines = absl::StrSplit(incomplete_line_ + TextFrom(log_.get()), '\n');
  incomplete_line_ = std::move(lines.back());
  lines.pop_back();
  for (const std::string& line : lines) PassOnLine(line);
}

void Supervisor::PassOnLine(const std::string& line) {
  const bool is_refusal = absl::StrContains(line, "certificate verify error") ||
                          absl::StrContains(line, "client sent no required SSL certificate");
  const bool is_severe = !absl::StrContains(line, "[info]") && !absl::StrContains(line, "[notice]");
  if (!is_refusal && !is_severe) return;
  const auto left_out = (is_refusal ? refusals_ : problems_).Spend(clock_.Monotonic());
  if (left_out.has_value()) LogWarning(absl::StrCat("nginx: ", line, LinesLeftOut(*left_out)));
}

absl::Status Supervisor::CheckRunning() {
  int status = 0;
  if (waitpid(nginx_, &status, WNOHANG) == 0) return absl::OkStatus();
  nginx_ = 0;
  PassOnLog();
  return absl::UnavailableError(absl::StrCat("nginx has ended by itself, with ",
                                             WIFSIGNALED(status)
                                                 ? absl::StrCat("signal ", WTERMSIG(status))
                                                 : absl::StrCat("exit code ", WEXITSTATUS(status)),
                                             "; its messages are above"));
}

void Supervisor::RemindOfExpiry() {
  const absl::Duration left = expiry_ - clock_.Now();
  if (left > kSoon || clock_.Monotonic() - reminded_ < kRemind) return;
  reminded_ = clock_.Monotonic();
  if (left > absl::ZeroDuration()) {
    LogWarning(absl::StrCat("a certificate of the network API expires in ",
                            absl::FormatDuration(absl::Trunc(left, absl::Minutes(1))),
                            "; renew it"));
  } else {
    LogError("a certificate of the network API has expired, so clients do not connect; renew it");
  }
}

void Supervisor::Stop(absl::Duration grace) {
  if (!is_running()) return;
  kill(nginx_, SIGQUIT);  // when all calls have ended
  const absl::Duration end = clock_.Monotonic() + grace;
  while (waitpid(nginx_, nullptr, WNOHANG) == 0) {
    if (clock_.Monotonic() >= end) {
      kill(nginx_, SIGTERM);
      waitpid(nginx_, nullptr, 0);
      break;
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
  nginx_ = 0;
  PassOnLog();
}

}  // namespace numalocality
