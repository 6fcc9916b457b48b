package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// machine are the further calls of this machine; arch_prctl is for threads of C.
var machine = []uint32{unix.SYS_ARCH_PRCTL}

// machineStarting are the older names of calls with which a process begins.
var machineStarting = []uint32{unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_READLINK, unix.SYS_ACCESS, unix.SYS_DUP2}
