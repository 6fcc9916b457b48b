package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

var machine []uint32

// machineStarting are none: this machine has the newer calls alone.
var machineStarting []uint32
