package scan

import "maps"

// UDPPorts are the ports of UDP that are scanned unless others are named: those
// of protocols that devices offer. A silent port of UDP proves nothing, so asking
// all of them costs hours and tells no more.
func UDPPorts() Ports {
	var ps Ports
	set := maps.Clone(questions)
	for _, p := range []uint16{
		7, 19, 68, 111, 137, 138, 500, 514, 520, 546, 547, 623, 1194, 1701, 1812, 3478, 4500, 5004, 5060, 5351, 6666, 6668, 8000, 8883,
		9999, 10001, 19132, 32100, 34567, 37020, 37777, 51820, 53413,
	} {
		set[p] = nil
	}
	for p := range 65536 {
		if _, ok := set[uint16(p)]; ok {
			ps = append(ps, uint16(p))
		}
	}
	return ps
}

// questions are first datagrams of protocols. None changes anything at the
// device.
var questions = map[uint16][]byte{
	// DNS (RFC 1035, 4.1): version.bind, CH, TXT.
	53: []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04bind\x00\x00\x10\x00\x03"),
	// DHCP (RFC 2131): INFORM, which asks for parameters and takes no address.
	67: dhcpInform(),
	// TFTP (RFC 1350, 5): read request for a name that no device has.
	69: []byte("\x00\x01assay-scan-no-such-file\x00octet\x00"),
	// NTP (RFC 5905, 7.3): version 4, client.
	123: append([]byte{0x23}, make([]byte, 47)...),
	// SNMP (RFC 1157, 4.1): version 1, community public, get of sysDescr.0.
	161: []byte("\x30\x26\x02\x01\x00\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x05\x00"),
	// SSDP (UPnP Device Architecture 2.0, 1.3.2), sent to the device alone.
	1900: []byte("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"),
	// WS-Discovery (OASIS, 1.1, 5.2): probe for anything.
	3702: []byte(`<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action><a:MessageID>urn:uuid:00000000-0000-4000-8000-000000000001</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Probe/></s:Body></s:Envelope>`),
	// mDNS (RFC 6762, 5.5): the services of the device, answer to us alone.
	5353: []byte("\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09_services\x07_dns-sd\x04_udp\x05local\x00\x00\x0c\x80\x01"),
	// DTLS 1.2 (RFC 6347, 4.2.1): a ClientHello without a cookie.
	5684: []byte("\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x36" + "\x01\x00\x00\x2a\x00\x00\x00\x00\x00\x00\x00\x2a" +
		"\xfe\xfdassay-lab asks which DTLS it is.\x00\x00\x00\x02\xc0\xae\x01\x00"),
	// CoAP (RFC 7252, 3; RFC 6690): confirmable GET /.well-known/core.
	5683: []byte("\x40\x01\x12\x34\xbb.well-known\x04core"),
}

// Question is what a port of UDP is asked: the first datagram of its protocol, or
// one zero byte.
func Question(port uint16) []byte {
	if q := questions[port]; q != nil {
		return q
	}
	return []byte{0}
}

func dhcpInform() []byte {
	b := make([]byte, 240, 260)
	b[0], b[1], b[2] = 1, 1, 6
	copy(b[4:], "\x12\x34\x56\x78")
	copy(b[28:], "\x02\x00\x00\x00\x00\x01") // locally administered
	copy(b[236:], "\x63\x82\x53\x63")
	return append(b, 53, 1, 8, 55, 3, 1, 3, 6, 255)
}
