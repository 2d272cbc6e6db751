#!/bin/sh
# PID 1 on the guest's root: mounts, fixed settings, then the job (a run of cases or a shell), then power off.
# With numavm.init=systemd, systemd is PID 1 and mounts, and this script runs again as a service.
export PATH=/job/bin:/job/guest/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONPATH=/job PYTHONDONTWRITEBYTECODE=1 HOME=/root LANG=C.UTF-8
if [ $$ = 1 ] && grep -qw numavm.init=systemd /proc/cmdline; then
  exec /job/guest/systemd.sh
fi
mount_all() {
  mount -t tmpfs -o mode=0755 run /run
  mount -t tmpfs -o mode=1777 tmp /tmp
  if grep -qw numavm.cgroups=v1 /proc/cmdline; then
    mount -t tmpfs -o mode=0755 cgroup /sys/fs/cgroup
    for tree in cpuset cpu,cpuacct memory pids devices freezer blkio hugetlb perf_event net_cls,net_prio; do
      mkdir "/sys/fs/cgroup/$tree"
      mount -t cgroup -o "$tree" cgroup "/sys/fs/cgroup/$tree"
    done
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    ln -s cpu,cpuacct /sys/fs/cgroup/cpu
    ln -s cpu,cpuacct /sys/fs/cgroup/cpuacct
  else
    mount -t cgroup2 cgroup /sys/fs/cgroup
  fi
  mount -t securityfs securityfs /sys/kernel/security
  mkdir -p /dev/pts /dev/shm
  mount -t devpts devpts /dev/pts
  mount -t tmpfs -o mode=1777 shm /dev/shm
}
[ $$ != 1 ] || mount_all
hostname numavm
busybox ifconfig lo 127.0.0.1 up
modprobe overlay

# Automatic NUMA balancing moves pages by itself: with it no case could know who moved them.
sysctl -qw kernel.numa_balancing=0
echo "numa_balancing=$(cat /proc/sys/kernel/numa_balancing) thp=$(cat /sys/kernel/mm/transparent_hugepage/enabled)"

if grep -qw numavm=shell /proc/cmdline; then
  word() { sed -n "s/.*\bnumavm\.$1=\([0-9]*\).*/\1/p" /proc/cmdline; }
  rows=$(word rows) columns=$(word columns)
  # A serial line knows no size: without one, programs assume 24 lines of 80 columns.
  [ -z "$rows" ] || stty rows "$rows" cols "$columns" </dev/ttyS0
  export TERM=xterm PATH="$PATH:/job"
  cat /job/guest/shell_greeting.txt
  cd /root
  setsid -c bash -i </dev/ttyS0 >/dev/ttyS0 2>&1
else
  python3 -m guest.main
fi
sync
busybox poweroff -f
