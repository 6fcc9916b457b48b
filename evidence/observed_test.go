package evidence

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func row(pairs ...string) Row {
	r := Row{}
	for i := 0; i < len(pairs); i += 2 {
		r[pairs[i]] = Cell{pairs[i+1]}
	}
	return r
}

// gateway is evidence in which all that was observed was declared.
func gateway() *Evidence {
	return &Evidence{
		Firmware: []Firmware{{Version: "1.10", SHA256: Hash{1}}},
		IXIT: map[string][]Row{
			tableInterfaces: {
				row("id", "LogIntf-1", "description", "Web page", "ports", "443/tcp", "access", "network", "status", "enabled"),
				row("id", "LogIntf-2", "description", "mDNS on port 5353", "access", "network", "status", "enabled"),
				row("id", "LogIntf-3", "description", "Bluetooth pairing", "access", "network", "status", "enabled"),
			},
			tableServices: {
				row("id", "SoftServ-1", "description", "SSH, 22/tcp, for repair", "status", "disabled", "over-network", "yes"),
				row("id", "SoftServ-2", "description", "MQTT", "ports", "8883-8885/tcp", "status", "enabled", "over-network", "yes"),
			},
			tableComponents: {
				row("id", "SoftComp-1", "description", "Operating system: Linux 5.15.148."),
				row("id", "SoftComp-2", "description", "BusyBox v1.36.1 and dropbear"),
			},
		},
		Imports: []Import{
			{Name: "nmap.xml", Format: "nmap", Scanned: []Scan{{"tcp", "1-10000"}, {"udp", "53,5353"}}, Services: []Service{
				{Address: "192.0.2.7", Transport: "tcp", Port: 443, State: "open", Name: "tls/http"},
				{Address: "192.0.2.7", Transport: "tcp", Port: 8884, State: "open"},
				{Address: "192.0.2.7", Transport: "udp", Port: 5353, State: "open|filtered"},
			}},
			{Name: "a.cdx.json", Format: "cyclonedx", Firmware: Hash{1}, Components: []Component{
				{Name: "linux", Version: "5.15.148"}, {Name: "busybox", Version: "1.36.1-r2", PURL: "pkg:generic/busybox@1.36.1-r2"}, {Name: "dropbear", Version: "2022.83"},
			}},
		},
	}
}

func TestReconcileFindsNothing(t *testing.T) {
	for _, ev := range []*Evidence{{}, gateway(), {IXIT: gateway().IXIT}, {IXIT: gateway().IXIT, Imports: []Import{{Name: "x", Format: "sarif"}}}} {
		if got := append(Reconcile(ev), Gaps(ev)...); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	}
}

func TestReconcile(t *testing.T) {
	service := func(s Service) func(*Evidence) {
		return func(e *Evidence) { e.Imports[0].Services = append(e.Imports[0].Services, s) }
	}
	field := func(table string, i int, f, v string) func(*Evidence) {
		return func(e *Evidence) { e.IXIT[table][i][f] = Cell{v} }
	}
	second := func(m Import) func(*Evidence) {
		return func(e *Evidence) { m.Name, m.Format = "b.spdx", "spdx"; e.Imports = append(e.Imports, m) }
	}
	whole := gateway().Imports[1].Components
	for _, c := range []struct {
		name  string
		spoil func(*Evidence)
		want  []string // PLACE: part of the problem
	}{
		{"not declared", service(Service{Address: "192.0.2.7", Transport: "tcp", Port: 2323, State: "open", Name: "telnet"}),
			[]string{"/imports/0/services/3: 2323/tcp (telnet) answers at 192.0.2.7 in nmap.xml, and no row of log-intf or soft-serv declares it"}},
		{"the other transport", service(Service{Address: "192.0.2.7", Transport: "udp", Port: 443, State: "open"}),
			[]string{"/imports/0/services/3: 443/udp answers"}},
		{"perhaps open", service(Service{Address: "192.0.2.7", Transport: "udp", Port: 69, State: "open|filtered"}), nil},
		{"said to be off", service(Service{Address: "192.0.2.7", Transport: "tcp", Port: 22, State: "open"}),
			[]string{"/imports/0/services/3: 22/tcp answers at 192.0.2.7 in nmap.xml, and row SoftServ-1 of soft-serv says that it is off"}},
		{"said to be local", field(tableInterfaces, 0, "access", "local"),
			[]string{"/imports/0/services/0: 443/tcp (tls/http) answers at 192.0.2.7 in nmap.xml, and row LogIntf-1 of log-intf says that it is not reached over a network"}},
		{"two devices, two tools", func(e *Evidence) {
			s := Service{Address: "192.0.2.7", Transport: "tcp", Port: 80, State: "open"}
			service(s)(e)
			s.Address = "192.0.2.8"
			e.Imports[1].Services = []Service{s, {Address: "192.0.2.9", Transport: "tcp", Port: 80, State: "open", Name: "http"}}
		}, []string{"/imports/0/services/3: 80/tcp (http) answers at 192.0.2.7 and 2 more in nmap.xml, a.cdx.json, and no row"}},
		{"never answered", field(tableInterfaces, 0, "ports", "443/tcp, 8443/tcp"), nil},
		{"never answered at all", func(e *Evidence) { e.Imports[0].Services = e.Imports[0].Services[1:] },
			[]string{"/ixit/log-intf/0: row LogIntf-1 of log-intf says that 443/tcp is on, and nothing answered there in nmap.xml"}},
		{"nobody tried", field(tableServices, 1, "ports", "49152/tcp"),
			[]string{"/imports/0/services/1: 8884/tcp answers", "/ixit/soft-serv/1: row SoftServ-2 of soft-serv says that 49152/tcp is on, and no scan tried it"}},
		{"what it calls", func(e *Evidence) {
			e.IXIT[tableInterfaces] = append(e.IXIT[tableInterfaces], row("id", "LogIntf-4", "description", "TCP 853 outward", "access", "network", "status", "enabled"))
		}, nil},
		{"no scan, no answer", func(e *Evidence) { e.Imports[0].Scanned, e.Imports[0].Services = nil, nil }, nil},
		{"another product's image", func(e *Evidence) { e.Imports[1].Firmware = Hash{2}; e.Imports[1].Target = "toaster 1" },
			[]string{"/imports/1/firmware: a.cdx.json is about an image (toaster 1, 02"}},
		{"parts without a row", func(e *Evidence) {
			e.Imports[1].Components = append(slices.Clone(whole), Component{Name: "zlib", Version: "1.3"}, Component{Name: "org.example/bus"})
		}, []string{"/imports/1/components: 2 of 5 components of a.cdx.json are named in no row of soft-comp: zlib 1.3, org.example/bus"}},
		{"a row without a part", func(e *Evidence) { e.Imports[1].Components = whole[1:] },
			[]string{"/ixit/soft-comp/0: no bill of materials lists what row SoftComp-1 of soft-comp names"}},
		{"another version", func(e *Evidence) { e.IXIT[tableComponents][0]["description"] = Cell{"Linux 4.19"} },
			[]string{"/ixit/soft-comp/0/description: the row says version 4.19 of linux, and a.cdx.json says 5.15.148"}},
		{"bills of one image, other versions", second(Import{Firmware: Hash{1}, Components: []Component{
			{Name: "linux", Version: "v5.15.148"}, {Name: "busybox", Version: "1.36.1", PURL: "pkg:generic/busybox@1.36.1?arch=mips#x"}, {Name: "Dropbear", Version: "2020.81"}}}),
			[]string{"/imports/2/components: a.cdx.json and b.spdx give other versions of 1 components: Dropbear (2022.83, 2020.81)"}},
		{"bills of one image, other parts", second(Import{Firmware: Hash{1}, Components: append(slices.Clone(whole[:2]), Component{Name: "Linux kernel modules", Version: "5.15.148"})}),
			[]string{"/imports/2/components: 1 of 3 components of b.spdx are named in no row", "/imports/2/components: 1 components of b.spdx are not in a.cdx.json", "/imports/1/components: 1 components of a.cdx.json are not in b.spdx, which is about the same image: dropbear"}},
		{"bills of images unknown", second(Import{Components: whole[:1]}), nil},
		{"bills of two images", func(e *Evidence) {
			e.Firmware = append(e.Firmware, Firmware{Version: "2", SHA256: Hash{2}})
			second(Import{Firmware: Hash{2}, Components: []Component{{Name: "dropbear", Version: "2024.85"}}})(e)
		}, nil},
		{"affected here, not there", func(e *Evidence) {
			e.Imports[1].Issues = []Issue{{ID: "CVE-1", Where: "busybox 1", State: "not_affected"}, {ID: "CVE-2", Where: "busybox 1", State: "affected"}, {ID: "CVE-3", State: "fixed"}}
			e.Imports[0].Issues = []Issue{{ID: "CVE-1", Where: "busybox 1", State: "affected"}, {ID: "CVE-2", Where: "busybox 1", State: "under_investigation"}, {ID: "CVE-3", State: "not_affected"}}
		}, []string{"/imports/1/issues/0/state: CVE-1 busybox 1 is not_affected in a.cdx.json and affected in nmap.xml"}},
		{"nothing declared", func(e *Evidence) { delete(e.IXIT, tableInterfaces); delete(e.IXIT, tableServices) },
			[]string{"/imports/0/services/0: 2 ports answer, 443/tcp among them, and neither log-intf nor soft-serv has a row"}},
		{"nothing declared, nothing open", func(e *Evidence) { e.IXIT = nil; e.Imports[0].Services = nil }, nil},
		{"the version of another", func(e *Evidence) {
			e.IXIT[tableComponents][1]["description"] = Cell{"dropbear, BusyBox version 1.36.1"}
		}, nil},
	} {
		ev := gateway()
		c.spoil(ev)
		got := append(Reconcile(ev), Gaps(ev)...)
		ok := len(got) == len(c.want)
		for i := range c.want {
			ok = ok && strings.HasPrefix(got[i].Place+": "+got[i].Problem, c.want[i]) && got[i].Remedy != ""
		}
		if !ok {
			t.Errorf("%s:\n got %v\nwant %v", c.name, got, c.want)
		}
		if again := append(Reconcile(ev), Gaps(ev)...); !reflect.DeepEqual(again, got) {
			t.Errorf("%s: asked twice, it says two things", c.name)
		}
	}
}

func TestPortsOf(t *testing.T) {
	for in, want := range map[string]string{
		"ports=443/tcp":                         "[{tcp 443 443}]",
		"ports=443":                             "[{ 443 443}]",
		"ports=80, 8000 - 8010/TCP; 5353/udp":   "[{ 80 80} {tcp 8000 8010} {udp 5353 5353}]",
		"ports=99999/tcp, 9-1":                  "[]",
		"description=HTTPS on port 443":         "[{ 443 443}]",
		"description=TCP 443 and udp/5353":      "[{tcp 443 443} {udp 5353 5353}]",
		"description=UDP and TCP 53":            "[{tcp 53 53} {udp 53 53}]",
		"description=TCP/UDP 53, TCP 5353":      "[{udp 53 53} {tcp 53 53} {tcp 5353 5353}]",
		"description=TLS 1.3 after RFC 8446":    "[]",
		"description=웹, 포트 8080":                "[{ 8080 8080}]",
		"description=Weboberfläche, Port 8080":  "[{ 8080 8080}]",
		"description=Model 2000/tcpdump, 12/24": "[]",
	} {
		f, v, _ := strings.Cut(in, "=")
		ports, listens := PortsOf(row(f, v))
		if got := fmt.Sprint(ports); got != want || listens != (f == "ports") {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestScanHas(t *testing.T) {
	s := Scan{"tcp", "22,80-90,443"}
	for port, want := range map[int64]bool{21: false, 22: true, 80: true, 85: true, 90: true, 91: false, 443: true} {
		if got, err := s.Has(port); got != want || err != nil {
			t.Errorf("%d: %v, %v", port, got, err)
		}
	}
	for _, bad := range []string{"", "a", "1,", "5-1", "1-2-3", "70000", "-1", strings.Repeat("1,", maxPorts)} {
		if _, err := (&Scan{"tcp", bad}).Has(1); err == nil {
			t.Errorf("%.20q was taken", bad)
		}
	}
}

// Names without a letter name nothing, and end.
func TestOddNames(t *testing.T) {
	ev := gateway()
	ev.Imports[1].Components = []Component{{Name: "busybox/-"}, {Name: "/"}, {Name: "..."}, {Name: "busybox/", Version: "1"}, {Name: "  "}}
	if got := Gaps(ev); len(got) == 0 {
		t.Error("nothing found")
	}
}

// A thousand rows and a thousand of parts take no longer than reading them.
func BenchmarkReconcile(b *testing.B) {
	ev := gateway()
	for i := range 1000 {
		ev.IXIT[tableComponents] = append(ev.IXIT[tableComponents], row("id", fmt.Sprintf("C-%d", i), "description", fmt.Sprintf("part%d 1.%d", i, i)))
	}
	for i := range MaxEntries {
		ev.Imports[1].Components = append(ev.Imports[1].Components, Component{Name: fmt.Sprintf("org/part%d", i), Version: fmt.Sprintf("1.%d", i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(Gaps(ev)) == 0 {
			b.Fatal("nothing found")
		}
	}
}
