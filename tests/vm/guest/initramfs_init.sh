#!/bin/busybox sh
# First process of the guest: loads the disk drivers, mounts the root (vda) and the job (vdb), hands over.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do
  insmod "$module" || echo "initramfs: insmod $module failed"
done
waited=0
while [ ! -b /dev/vdb ] && [ $waited -lt 100 ]; do
  sleep 0.1
  waited=$((waited + 1))
done
mount -t ext4 -o rw,noatime /dev/vda /root || echo "initramfs: cannot mount the root disk"
mount -t ext4 -o ro /dev/vdb /root/job || echo "initramfs: cannot mount the job disk"
for directory in proc sys dev; do
  mount --move /$directory /root/$directory
done
exec switch_root /root /job/guest/pid1.sh
