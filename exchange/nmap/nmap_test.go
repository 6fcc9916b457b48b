package nmap

import (
	"strings"
	"testing"

	"assay/civil"
	"assay/evidence"
)

func TestRead(t *testing.T) {
	m := file(t, "nmap-services.xml").Import
	if m.Format != "nmap" || m.Tool != "nmap" || m.Version != "7.93" || m.Date != civil.MustDate("2026-11-24") || m.Target != "127.0.0.1 (localhost)" {
		t.Errorf("got %+v", m)
	}
	same(t, "services", m.Services, []evidence.Service{
		{Address: "127.0.0.1", Transport: "tcp", Port: 12222, State: "open", Name: "ssh", Product: "Dropbear sshd", Version: "2022.83"},
		{Address: "127.0.0.1", Transport: "tcp", Port: 18080, State: "open"},
		{Address: "127.0.0.1", Transport: "tcp", Port: 18443, State: "open", Name: "tls/http", Product: "nginx", Version: "1.22.1"},
	})
	same(t, "issues", m.Issues, []evidence.Issue{{ID: "ssl-enum-ciphers", Severity: "high", Text: "The weakest cipher suite has the grade F", Where: "127.0.0.1:18443/tcp"}})
	same(t, "scanned", m.Scanned, []evidence.Scan{{Transport: "tcp", Ports: "12222,18080,18443,18999"}})
}

func TestClosedIsLeftOut(t *testing.T) {
	r := file(t, "nmap-udp.xml")
	if len(r.Import.Services) != 0 {
		t.Errorf("closed ports came out as services: %+v", r.Import.Services)
	}
	noted(t, r, "closed or filtered, left out: 4")
}

const scanOf = `<nmaprun scanner="nmap" version="7.94" start="0"><scaninfo protocol="tcp" services="1-100"/>HOSTS<runstats><finished exit="success"/></runstats></nmaprun>`

func TestForms(t *testing.T) {
	hosts := `<host><status state="up"/><address addr="2001:db8::1" addrtype="ipv6"/><address addr="00:00:5E:00:53:01" addrtype="mac"/>` +
		`<ports><extraports state="filtered" count="98"/>` +
		`<port protocol="udp" portid="53"><state state="open|filtered"/><service name="domain" method="table"/></port>` +
		`<port protocol="tcp" portid="80"><state state="open"/><service name="http" tunnel="ssl" method="probed"/><script id="x" output="y State: VULNERABLE&#xa;z"/></port>` +
		`<port protocol="tcp" portid="80"><state state="open"/><service name="http" tunnel="ssl" method="probed"/></port>` +
		`<port protocol="ip" portid="6"><state state="open"/></port></ports></host>` +
		`<host><status state="down"/><address addr="192.0.2.9" addrtype="ipv4"/></host>` +
		`<host timedout="true"><status state="up"/><address addr="00:00:5E:00:53:02" addrtype="mac"/></host>`
	r, err := parse("x.xml", []byte(strings.Replace(scanOf, "HOSTS", hosts, 1)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "services", r.Import.Services, []evidence.Service{
		{Address: "2001:db8::1", Transport: "udp", Port: 53, State: "open|filtered", Name: "domain"},
		{Address: "2001:db8::1", Transport: "tcp", Port: 80, State: "open", Name: "tls/http"},
	})
	same(t, "issues", r.Import.Issues, []evidence.Issue{{ID: "x", Severity: "high", Text: "y State: VULNERABLE z", Where: "2001:db8::1:80/tcp"}})
	noted(t, r, "left out: 98")
	noted(t, r, "given up")
	noted(t, r, "IP protocols")
	noted(t, r, "table of ports")
	if r.Import.Target != "3 hosts" {
		t.Errorf("target %q", r.Import.Target)
	}
}

func TestRefuses(t *testing.T) {
	_, err := parse("nmap-killed.xml", text(t, "nmap-killed.xml"))
	refused(t, "killed", err, 7, "/nmaprun", "truncated")
	port := func(s string) string {
		return strings.Replace(scanOf, "HOSTS", "<host><ports>"+s+"</ports></host>", 1)
	}
	for _, c := range []struct {
		name, in    string
		line        int
		place, says string
	}{
		{"not of nmap", "<nmaprun scanner=\"masscan\"></nmaprun>", 1, "/nmaprun", "masscan"},
		{"not finished", "<nmaprun scanner=\"nmap\"></nmaprun>", 0, "", "did not finish"},
		{"ended badly", "<nmaprun scanner=\"nmap\"><runstats><finished exit=\"error\" errormsg=\"no route\"/></runstats></nmaprun>", 0, "", "no route"},
		{"another root", "<x/>", 0, "", "no <nmaprun>"},
		{"no port", port("<port protocol=\"tcp\" portid=\"65536\"/>"), 1, "/nmaprun/host/ports/port", "65536"},
		{"negative port", port("<port protocol=\"tcp\" portid=\"-1\"/>"), 1, "/nmaprun/host/ports/port", "no port"},
		{"transport", port("<port protocol=\"quic\" portid=\"1\"/>"), 1, "/nmaprun/host/ports/port", "quic"},
		{"ports", strings.Replace(scanOf, "1-100", "5-1", 1), 1, "/nmaprun/scaninfo", "range"},
	} {
		_, err := parse("x.xml", []byte(c.in))
		refused(t, c.name, err, c.line, c.place, c.says)
	}
}

func TestNobodyAnswered(t *testing.T) {
	r, err := parse("x.xml", []byte(strings.Replace(scanOf, "HOSTS", `<host><status state="down"/></host>`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	noted(t, r, "no host answered")
}
