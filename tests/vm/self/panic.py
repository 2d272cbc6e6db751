"""Makes the guest's kernel panic."""
with open("/proc/sysrq-trigger", "w") as trigger:
    trigger.write("c")
