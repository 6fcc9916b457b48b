// Package protocols is the list of the protocols that a device is probed for.
package protocols

import (
	"assay/lab/device/probe"
	"assay/lab/device/probe/coap"
	"assay/lab/device/probe/ftp"
	"assay/lab/device/probe/http"
	"assay/lab/device/probe/mdns"
	"assay/lab/device/probe/mqtt"
	"assay/lab/device/probe/rtsp"
	"assay/lab/device/probe/snmp"
	"assay/lab/device/probe/ssdp"
	"assay/lab/device/probe/ssh"
	"assay/lab/device/probe/telnet"
	"assay/lab/device/probe/tftp"
)

// All are the probes. Of those whose client speaks first the one that disturbs the
// least comes first.
func All() []probe.Probe {
	return []probe.Probe{ssh.Probe, ftp.Probe, telnet.Probe, http.Probe, rtsp.Probe, mqtt.Probe, mdns.Stream, mdns.DNS, mdns.Probe, ssdp.Probe, snmp.Probe, coap.Probe, coap.Secure, tftp.Probe}
}
