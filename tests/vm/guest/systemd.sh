#!/bin/sh
# Hands over to systemd as PID 1, with the job as the one service that it is to run.
mount -t tmpfs -o mode=1777 tmp /tmp
cat >/etc/systemd/system/numavm.service <<END
[Unit]
Requires=dbus.socket
After=dbus.socket
[Service]
ExecStart=/job/guest/pid1.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
TasksMax=infinity
END
exec /lib/systemd/systemd --unit=numavm.service --show-status=false
