package exchange

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"assay/evidence"
	"assay/exchange/intake"
)

// parts is how many components, or results, fill 20 MB at what tools write for
// each: hashes, licenses, addresses, properties.
const parts = 9_900

func sbomJSON(b *bytes.Buffer) {
	b.WriteString(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"timestamp":"2026-05-04T10:00:00Z"},"components":[`)
	for i := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `{"bom-ref":"pkg:deb/debian/part%d@1.%d-1?arch=arm64&package-id=%016x","type":"library","publisher":"Maintainers of part %d <part@lists.example>","name":"part%d","version":"1.%d-1",`+
			`"licenses":[{"license":{"id":"GPL-2.0-only"}},{"license":{"name":"public-domain"}}],"cpe":"cpe:2.3:a:part%d:part%d:1.%d-1:*:*:*:*:*:*:*","purl":"pkg:deb/debian/part%d@1.%d-1?arch=arm64&distro=debian-12",`+
			`"hashes":[{"alg":"SHA-1","content":"da39a3ee5e6b4b0d3255bfef95601890afd80709"},{"alg":"SHA-256","content":"%064x"}],"externalReferences":[{"type":"website","url":"https://part%d.example/"},{"type":"vcs","url":"https://git.part%d.example/part.git"}],"properties":[`,
			i, i, i, i, i, i, i, i, i, i, i, i+1, i, i)
		for j := range 12 {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, `{"name":"tool:location:%d:path","value":"/usr/lib/aarch64-linux-gnu/part%d/module-%d.so.1"}`, j, i, j)
		}
		b.WriteString(`]}`)
	}
	b.WriteString(`],"dependencies":[`)
	for i := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `{"ref":"pkg:deb/debian/part%d@1.%d-1?arch=arm64&package-id=%016x","dependsOn":["pkg:deb/debian/part%d@1"]}`, i, i, i, i/2)
	}
	b.WriteString(`]}`)
}

func sbomXML(b *bytes.Buffer) {
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components>`)
	for i := range parts {
		fmt.Fprintf(b, `<component type="library" bom-ref="pkg:deb/debian/part%d@1.%d-1"><publisher>Maintainers of part %d</publisher><name>part%d</name><version>1.%d-1</version><hashes><hash alg="SHA-256">%064x</hash></hashes>`+
			`<licenses><license><id>GPL-2.0-only</id></license></licenses><cpe>cpe:2.3:a:part%d:part%d:1.%d-1:*:*:*:*:*:*:*</cpe><purl>pkg:deb/debian/part%d@1.%d-1</purl><properties>`, i, i, i, i, i, i+1, i, i, i, i, i)
		for j := range 14 {
			fmt.Fprintf(b, `<property name="tool:location:%d:path">/usr/lib/aarch64-linux-gnu/part%d/module-%d.so.1</property>`, j, i, j)
		}
		b.WriteString(`</properties></component>`)
	}
	b.WriteString(`</components></bom>`)
}

func spdxJSON(b *bytes.Buffer) {
	b.WriteString(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","creationInfo":{"created":"2026-05-04T10:00:00Z","creators":["Tool: x-1"]},"packages":[`)
	for i := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `{"name":"part%d","SPDXID":"SPDXRef-Package-part%d","versionInfo":"1.%d-1","supplier":"Organization: Maintainers of part %d (part@lists.example)","downloadLocation":"NOASSERTION","filesAnalyzed":false,`+
			`"sourceInfo":"%s","licenseConcluded":"NOASSERTION","licenseDeclared":"GPL-2.0-only","copyrightText":"%s","checksums":[{"algorithm":"SHA256","checksumValue":"%064x"}],"externalRefs":[`+
			`{"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:part%d:part%d:1.%d-1:*:*:*:*:*:*:*"},{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/part%d@1.%d-1"}]}`,
			i, i, i, i, strings.Repeat("acquired from a package database; ", 10), strings.Repeat("Copyright 2001 the authors of the part. ", 18), i+1, i, i, i, i, i)
	}
	b.WriteString(`],"relationships":[`)
	for i := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `{"spdxElementId":"SPDXRef-Package-part%d","relationshipType":"DEPENDENCY_OF","relatedSpdxElement":"SPDXRef-Package-part%d"}`, i, i/2)
	}
	b.WriteString(`]}`)
}

func spdxTags(b *bytes.Buffer) {
	b.WriteString("SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nCreator: Tool: x-1\nCreated: 2026-05-04T10:00:00Z\n")
	for i := range parts {
		fmt.Fprintf(b, "\nPackageName: part%d\nSPDXID: SPDXRef-Package-part%d\nPackageVersion: 1.%d-1\nPackageSupplier: Organization: Maintainers of part %d\nPackageDownloadLocation: NOASSERTION\nFilesAnalyzed: false\nPackageLicenseDeclared: GPL-2.0-only\n"+
			"PackageChecksum: SHA256: %064x\nExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/part%d@1.%d-1\nPackageCopyrightText: <text>%s</text>\nRelationship: SPDXRef-Package-part%d DEPENDENCY_OF SPDXRef-Package-part%d\n",
			i, i, i, i, i+1, i, i, strings.Repeat("Copyright 2001 the authors of the part.\n", 36), i, i/2)
	}
}

func sarifJSON(b *bytes.Buffer) {
	b.WriteString(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"T","version":"1","rules":[{"id":"R","defaultConfiguration":{"level":"error"},"properties":{"tags":["external/cwe/cwe-798"]}}]}},"results":[`)
	for i := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `{"ruleId":"R","ruleIndex":0,"level":"error","message":{"text":"something is wrong in function number %d of this file, namely what the rule says"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/dir%d/file%d.c","uriBaseId":"%%SRCROOT%%"},"region":{"startLine":%d,"startColumn":3,"snippet":{"text":"%s"}}}}],"partialFingerprints":{"primaryLocationLineHash":"%032x:1"},"codeFlows":[`, i, i%100, i, i+1, strings.Repeat("x = y; ", 30), i)
		for j := range 8 {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, `{"threadFlows":[{"locations":[{"location":{"physicalLocation":{"artifactLocation":{"uri":"src/dir%d/file%d.c"},"region":{"startLine":%d}}}}]}]}`, j, i, j)
		}
		b.WriteString(`]}`)
	}
	b.WriteString(`]}]}`)
}

// nmapXML is a thousand hosts with a hundred ports each, ten of them open.
func nmapXML(b *bytes.Buffer) {
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE nmaprun><nmaprun scanner="nmap" version="7.94" start="1795512595"><scaninfo type="syn" protocol="tcp" numservices="100" services="1-100"/>`)
	for h := range 1000 {
		fmt.Fprintf(b, "<host starttime=\"1\" endtime=\"2\"><status state=\"up\" reason=\"arp-response\" reason_ttl=\"0\"/>\n<address addr=\"10.0.%d.%d\" addrtype=\"ipv4\"/>\n<hostnames>\n</hostnames>\n<ports>", h/250, h%250)
		for p := 1; p <= 100; p++ {
			state, more := "closed", ""
			if p%10 == 0 {
				state, more = "open", ` product="Thing httpd" version="1.2.3" extrainfo="Linux" method="probed" conf="10"`
			}
			fmt.Fprintf(b, "<port protocol=\"tcp\" portid=\"%d\"><state state=\"%s\" reason=\"reset\" reason_ttl=\"64\"/><service name=\"http\"%s/></port>\n", p, state, more)
		}
		b.WriteString("</ports>\n<times srtt=\"1\" rttvar=\"1\" to=\"100000\"/>\n</host>\n")
	}
	b.WriteString(`<runstats><finished time="1" exit="success"/></runstats></nmaprun>`)
}

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(*bytes.Buffer)
		want func(*evidence.Import) int
	}{
		{"CycloneDX_JSON", sbomJSON, func(m *evidence.Import) int { return len(m.Components) }},
		{"CycloneDX_XML", sbomXML, func(m *evidence.Import) int { return len(m.Components) }},
		{"SPDX_JSON", spdxJSON, func(m *evidence.Import) int { return len(m.Components) }},
		{"SPDX_tags", spdxTags, func(m *evidence.Import) int { return len(m.Components) }},
		{"SARIF", sarifJSON, func(m *evidence.Import) int { return len(m.Issues) }},
		{"nmap_1000_hosts", nmapXML, func(m *evidence.Import) int { return len(m.Services) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var text bytes.Buffer
			c.make(&text)
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				r, err := Read("x", bytes.NewReader(text.Bytes()), intake.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if n := c.want(&r.Import); n < parts {
					b.Fatalf("%d of %d", n, parts)
				}
			}
			b.ReportMetric(float64(text.Len())/1e6, "MB")
		})
	}
}
