#!/bin/sh
# PID 1 on the guest's root: mounts, fixed settings, then the job (a run of cases or a shell), then power off.
export PATH=/job/bin:/job/guest/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONPATH=/job PYTHONDONTWRITEBYTECODE=1 HOME=/root LANG=C.UTF-8
mount -t tmpfs -o mode=0755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
hostname numavm
busybox ifconfig lo 127.0.0.1 up
modprobe overlay

# Automatic NUMA balancing moves pages by itself: with it no case could tell who moved them.
sysctl -qw kernel.numa_balancing=0
echo "numa_balancing=$(cat /proc/sys/kernel/numa_balancing) thp=$(cat /sys/kernel/mm/transparent_hugepage/enabled)"

if grep -qw numavm=shell /proc/cmdline; then
  cat /job/guest/shell_greeting.txt
  cd /root
  setsid -c bash -i </dev/ttyS0 >/dev/ttyS0 2>&1
else
  python3 -m guest.main
fi
sync
busybox poweroff -f
