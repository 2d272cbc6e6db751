"""Powers the guest off in the middle of its job."""
import subprocess
subprocess.run(["busybox", "poweroff", "-f"], check=True)
