package binary

import (
	"bytes"
	"slices"
	"sync"
)

// Applets are the commands that a BusyBox has built in, sorted, from the table
// of names in it; nil where b is no BusyBox or no table was found.
//
// Since 1.8 the names stand one behind the other in the order of bytes, each
// with its NUL. Before, an array of structures points to them in that order.
func Applets(b []byte) []string {
	if len(b) > maxBusyBox || !bytes.HasPrefix(b, []byte("\x7fELF")) || !bytes.Contains(b, []byte("BusyBox v")) && !bytes.Contains(b, []byte("busybox")) {
		return nil
	}
	if names := appletNames(b); names != nil {
		return names
	}
	o, err := open(b)
	if err != nil {
		return nil
	}
	return o.appletTable()
}

const (
	maxApplet = 24 // bytes of a name; the longest known has 17
	minTable  = 5  // names that make a table

	maxBusyBox  = 32 << 20 // bytes of one; the largest known have 3 MB
	maxPointers = 100_000  // to what may be names; a BusyBox has some thousand
)

// appletLetter are the characters of names of applets.
var appletLetter = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789[._-+") {
		t[c] = true
	}
	return t
}()

// isTable says whether a list reads as the applets of a BusyBox: most names are known.
func isTable(names []string) bool {
	known := 0
	for _, n := range names {
		if knownApplets()[n] {
			known++
		}
	}
	return known >= minTable && known*5 >= len(names)*3
}

// appletNames is the longest sorted run of names.
func appletNames(b []byte) []string {
	var best, run []string
	begin := 0 // of the run
	end := func() {
		// What stands before and behind the table may happen to fit.
		for len(run) > 0 && !knownApplets()[run[0]] {
			begin += len(run[0]) + 1
			run = run[1:]
		}
		for len(run) > 0 && !knownApplets()[run[len(run)-1]] {
			run = run[:len(run)-1]
		}
		if len(run) > len(best) && isTable(run) {
			best = slices.Clone(run)
			// The first name has no NUL before it, where the table does not follow a text.
			if best[0] == "[[" && begin >= 2 && b[begin-2] == '[' {
				best = slices.Insert(best, 0, "[")
			}
		}
		run = run[:0]
	}
	for at := 0; at < len(b); {
		n := 0
		for at+n < len(b) && n <= maxApplet && appletLetter[b[at+n]] {
			n++
		}
		if n == 0 || n > maxApplet || at+n >= len(b) || b[at+n] != 0 {
			end()
			if i := bytes.IndexByte(b[at:], 0); i < 0 {
				break
			} else {
				at += i + 1
			}
			continue
		}
		name := string(b[at : at+n])
		if len(run) > 0 && run[len(run)-1] >= name {
			end()
		}
		if len(run) == 0 {
			begin = at
		}
		run = append(run, name)
		at += n + 1
	}
	end()
	return best
}

// appletTable is the longest array of structures whose first words point to
// names in their order.
func (o *object) appletTable() []string {
	word := uint64(4)
	if o.wide {
		word = 8
	}
	names := map[uint64]string{} // by the place of the pointer
	for at := uint64(0); at+word <= uint64(len(o.b)) && len(names) < maxPointers; at += word {
		if s := o.appletAt(o.word(at)); s != "" {
			names[at] = s
		}
	}
	places := make([]uint64, 0, len(names))
	for at := range names {
		places = append(places, at)
	}
	slices.Sort(places)
	var best []string
	for stride := 2 * word; stride <= 8*word; stride += word {
		done := map[uint64]bool{}
		for _, at := range places {
			if done[at] {
				continue
			}
			var run []string
			for last := ""; names[at] > last; at += stride {
				last = names[at]
				done[at] = true
				run = append(run, last)
			}
			if len(run) > len(best) && isTable(run) {
				best = run
			}
		}
	}
	return best
}

// appletAt is the name that stands at an address, "" where there is none.
func (o *object) appletAt(addr uint64) string {
	at, left, ok := o.offset(addr)
	if !ok || at == 0 || o.b[at-1] != 0 || !appletLetter[o.b[at]] {
		return ""
	}
	s := text(o.b[at:at+left], 0, maxApplet)
	for _, c := range []byte(s) {
		if !appletLetter[c] {
			return ""
		}
	}
	return s
}

// knownApplets are names that versions of BusyBox from 0.60 to 1.37 know, which
// tell their table from other lists of words.
var knownApplets = sync.OnceValue(func() map[string]bool { return set(appletWords) })

const appletWords = `
[ [[ acpid add-shell addgroup adduser adjtimex ar arch arp arping ascii ash awk base32 base64 basename bash bbconfig bb bc
beep blkdiscard blkid blockdev bootchartd brctl bunzip2 busybox bzcat bzip2 cal cat catv chat chattr chcon chgrp chmod chown chpasswd chpst
chroot chrt chvt cksum clear cmp comm conspy cp cpio crc32 crond crontab cryptpw cttyhack cut date dc dd deallocvt delgroup
deluser depmod devfsd devmem df dhcprelay diff dirname dmesg dnsd dnsdomainname dos2unix dpkg dpkg-deb dpkg_deb du dumpkmap
dumpleases e2fsck e2label echo ed egrep eject env envdir envuidgid ether-wake expand expr factor fakeidentd fallocate false fatattr
fbset fbsplash fdflush fdformat fdisk fgconsole fgrep find findfs flash_eraseall flash_lock flash_unlock flashcp flock fold
free freeramdisk fsck fsck.minix fsck_minix fsfreeze fstrim fsync ftpd ftpget ftpput fuser getenforce getfattr getopt getsebool getty
grep groups gunzip gzip halt hd hdparm head hexdump hexedit hostid hostname httpd hush hwclock i2cdetect i2cdump i2cget i2cset
i2ctransfer id ifconfig ifdown ifenslave ifplugd ifup inetd init inotifyd insmod install ionice iostat ip ipaddr ipcalc ipcrm ipcs iplink
ipneigh iproute iprule iptunnel kbd_mode kill killall killall5 klogd lash last length less link linux32 linux64 linuxrc ln load_policy
loadacm loadfont loadkmap lock logger login logname logread losetup lpd lpq lpr ls lsattr lsmod lsof lspci lsscsi lsusb lzcat
lzma lzop lzopcat makedevs makemime man matchpathcon md5sum mdev mesg microcom mim minips mkdir mkdosfs mke2fs mkfifo
mkfs.ext2 mkfs.minix mkfs.reiser mkfs.vfat mkfs_minix mknod mkpasswd mkswap mktemp modinfo modprobe more mount mountpoint mpstat msh
mt mv nameif nanddump nandwrite nbd-client nc netcat netmsg netstat nice nl nmeter nohup nologin nproc nsenter nslookup ntpd nuke od openvt
partprobe passwd paste patch pgrep pidof ping ping6 pipe_progress pivot_root pkill pmap popmaildir poweroff powertop printenv
printf ps pscan pstree pwd pwdx raidautorun rdate rdev readahead readlink readprofile realpath reboot reformime remove-shell renice reset
resize restorecon resume rev rfkill rm rmdir rmmod route rpm rpm2cpio rtcwake run-init run-parts runcon runlevel runsv
runsvdir rx script scriptreplay sed seedrng selinuxenabled sendmail seq sestatus setarch setconsole setenforce setfattr setfiles setfont
setkeycodes setlogcons setpriv setsebool setserial setsid setuidgid sh sha1sum sha256sum sha384sum sha3sum sha512sum showkey
shred shuf slattach sleep smemcap softlimit sort split ssl_client start-stop-daemon start_stop_daemon stat strings stty su sulogin sum sv
svc svlogd svok swapoff swapon switch_root sync sysctl syslogd tac tail tar taskset tc tcpsvd tee telinit telnet telnetd test
tftp tftpd time timeout top touch tr traceroute traceroute6 tree true truncate ts tsort tty ttysize tune2fs tunctl tunefs
ubiattach ubidetach ubimkvol ubirename ubirmvol ubirsvol ubiupdatevol udhcpc udhcpc6 udhcpd udpsvd uevent umount uname uncompress
unexpand uniq unit unix2dos unlink unlzma unlzop unshare unxz unzip update uptime usleep users uudecode uuencode uuidgen vconfig vi
vlock volname w wall watch watchdog wc wget which who whoami whois xargs xxd xz xzcat yes zcat zcip
`
