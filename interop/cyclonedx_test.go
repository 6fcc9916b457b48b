package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"assay/assess"
	"assay/bundle"
	"assay/catalog"
	"assay/civil"
	"assay/exchange/attest"
)

// cycloneSchema is the JSON Schema of CycloneDX 1.6, as it lies in the module
// of cyclonedx-go.
var cycloneSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const base = "http://cyclonedx.org/schema/"
	for file, url := range map[string]string{
		"bom-1.6.schema.json": base + "bom-1.6.schema.json", "spdx.schema.json": base + "spdx.schema.json", "jsf-0.82.schemax.json": base + "jsf-0.82.schema.json",
	} {
		b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "schema", file))
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := c.AddResource(url, doc); err != nil {
			return nil, err
		}
	}
	return c.Compile(base + "bom-1.6.schema.json")
})

func TestCycloneDXStandardsAreValid(t *testing.T) {
	s, err := cycloneSchema()
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	files, err := attest.Export(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		checkSchema(t, s, f.Path, f.Body)
		var b cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(f.Body), cdx.BOMFileFormatJSON).Decode(&b); err != nil {
			t.Errorf("%s: %v", f.Path, err)
			continue
		}
		var own attest.BOM
		if err := json.Unmarshal(f.Body, &own); err != nil {
			t.Fatal(err)
		}
		if b.SpecVersion != cdx.SpecVersion1_6 || b.Definitions == nil || len(*b.Definitions.Standards) != len(own.Definitions.Standards) {
			t.Errorf("%s: read as %s with %v", f.Path, b.SpecVersion, b.Definitions)
		}
	}
	if len(files) < 20 {
		t.Errorf("%d files", len(files))
	}
	// A check that takes everything would show nothing.
	for _, change := range [][2]string{
		{`"bomFormat": "CycloneDX"`, `"bomFormat": "SPDX"`}, {`"serialNumber": "urn:uuid:`, `"serialNumber": "uuid:`},
		{`"bom-ref": "`, `"bom-ref": 1, "was": "`}, {`"type": "documentation"`, `"type": "paper"`},
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(files[0].Body), change[0], change[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil {
			t.Errorf("valid with %s", change[1])
		}
	}
}

// What a whole bundle's assessment declares.
func TestCycloneDXDeclarationsAreValid(t *testing.T) {
	s, err := cycloneSchema()
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open("../testdata/gateway")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := assess.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	own, err := attest.Declare(c, b.Evidence, assess.Assess(compiled, b.Evidence, "", civil.MustDate("2026-10-01")))
	if err != nil {
		t.Fatal(err)
	}
	body, err := own.Encode()
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, s, "declarations", body)
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(body), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.Declarations == nil || len(*bom.Declarations.Claims) != len(own.Declarations.Claims) || len(*bom.Declarations.Attestations) != len(own.Declarations.Attestations) {
		t.Errorf("cyclonedx-go reads other declarations: %+v", bom.Declarations)
	}
}
