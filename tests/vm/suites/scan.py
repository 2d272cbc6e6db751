"""The scanner on this kernel, with memory on several nodes."""

from guest.case import case


@case(seconds=300)
def every_method_finds_every_page(machine):
    """All scan methods agree with the kernel page for page, on each kind of memory."""
    machine.run("scan_test", timeout=280)
