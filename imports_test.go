package assay

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed says which packages of this module each package may import. A
// package that is not here has no place in the layout yet.
var allowed = map[string]string{
	".": "",

	// The core imports the core.
	"civil":       "",
	"scheme":      "civil",
	"evidence":    "civil scheme",
	"assess":      "civil scheme evidence",
	"certificate": "civil scheme",
	"recognition": "civil scheme certificate",
	"market":      "civil scheme",

	// Data.
	"catalog":  "civil scheme",
	"corpus":   "civil scheme certificate recognition",
	"confine":  "",
	"specimen": "civil scheme evidence catalog keys labsign",
	"bundle":   "civil scheme evidence assess confine",
	"workbook": "civil scheme evidence assess confine locale",

	// Schemas of what is read and written, for tests.
	"schemagen": "",

	// Texts for people.
	"locale": "civil scheme",
	"report": "civil scheme evidence assess locale",

	// What others write and read.
	"exchange/attest": "civil scheme evidence assess",
	"exchange/oscal":  "civil scheme evidence assess exchange/intake",

	// Readers of what others write.
	"exchange/intake":    "civil evidence",
	"exchange/cyclonedx": "evidence exchange/intake scheme",
	"exchange/spdx":      "evidence exchange/intake",
	"exchange/sarif":     "evidence exchange/intake",
	"exchange/nmap":      "civil evidence exchange/intake",
	"exchange/testssl":   "civil evidence exchange/intake",
	"exchange/sshaudit":  "evidence exchange/intake",
	"exchange":           "scheme evidence confine exchange/intake exchange/cyclonedx exchange/spdx exchange/sarif exchange/nmap exchange/testssl exchange/sshaudit exchange/oscal",

	// What is signed and logged.
	"keys":      "",
	"statement": "keys",
	"ledger":    "keys",
	"labsign":   "civil scheme keys statement",

	// Adapters do not know each other. The store implements ledger's Appender;
	// peer reads what ledger serves and statement signs.
	"store":           "ledger",
	"store/storetest": "store",
	"peer":            "keys ledger statement",

	// The office decides and writes; nothing of it knows HTTP pages or the wiring.
	"office": "civil scheme evidence assess certificate recognition market catalog keys statement labsign ledger store peer",

	// What people and programs see of an office: its types, never its database.
	"web":    "civil scheme evidence assess certificate recognition market catalog locale office",
	"client": "civil scheme evidence assess certificate recognition market office",

	// The laboratory: what tests by itself and ends in evidence.
	"lab":                  "scheme evidence",
	"lab/sarif":            "lab lab/record",
	"lab/firmware/verdict": "evidence lab lab/firmware lab/firmware/image lab/firmware/malware lab/firmware/service lab/vulnerability",
	"lab/sbom":             "lab lab/record lab/vulnerability",
	"lab/page":             "evidence lab lab/record lab/firmware lab/firmware/image lab/firmware/secret lab/firmware/service lab/vulnerability locale lab/device",
	"lab/record":           "civil scheme evidence lab",
	"lab/labtest":          "",
	"lab/device/wire":      "",
	"lab/device/scan":      "lab/device/wire",
	"lab/device/probe":     "lab lab/device/wire",
	"lab/device":           "evidence lab lab/device/wire lab/device/scan lab/device/probe",
	"lab/device/external":  "lab/device/wire",
	"lab/disclosure":       "confine evidence lab",

	// A protocol each.
	"lab/device/probe/tls":    "lab lab/device/probe lab/device/wire",
	"lab/device/probe/http":   "lab lab/device/probe lab/device/wire",
	"lab/device/probe/ssh":    "lab lab/device/probe lab/device/wire",
	"lab/device/probe/telnet": "lab lab/device/probe lab/device/wire",
	"lab/device/probe/ftp":    "lab lab/device/probe lab/device/wire",
	"lab/device/probe/mqtt":   "lab lab/device/probe lab/device/wire",
	"lab/device/probe/coap":   "lab lab/device/probe lab/device/wire",
	"lab/device/probe/rtsp":   "lab lab/device/probe lab/device/wire",
	"lab/device/probe/mdns":   "lab lab/device/probe lab/device/wire",
	"lab/device/probe/ssdp":   "lab lab/device/probe lab/device/wire",
	"lab/device/probe/snmp":   "lab lab/device/probe lab/device/wire",
	"lab/device/probe/tftp":   "lab lab/device/probe lab/device/wire",
	"lab/device/protocols":    "lab/device/probe lab/device/probe/http lab/device/probe/ssh lab/device/probe/telnet lab/device/probe/ftp lab/device/probe/mqtt lab/device/probe/coap lab/device/probe/rtsp lab/device/probe/mdns lab/device/probe/ssdp lab/device/probe/snmp lab/device/probe/tftp",

	"lab/firmware":         "confine lab lab/firmware/component lab/firmware/hardening lab/firmware/image lab/firmware/inspect lab/firmware/malware lab/firmware/secret lab/firmware/service lab/firmware/unpack lab/scanner lab/firmware/update",
	"lab/firmware/image":   "",
	"lab/firmware/binary":  "",
	"lab/firmware/inspect": "lab/firmware/binary lab/firmware/image",
	"lab/firmware/unpack":  "lab/firmware/image lab/firmware/unpack/archive lab/firmware/unpack/compress lab/firmware/unpack/cramfs lab/firmware/unpack/disk lab/firmware/unpack/ext lab/firmware/unpack/fat lab/firmware/unpack/jffs2 lab/firmware/unpack/kernel lab/firmware/unpack/romfs lab/firmware/unpack/squashfs lab/firmware/unpack/ubi lab/firmware/unpack/ubifs lab/firmware/unpack/wrapper",

	"lab/firmware/hardening": "lab lab/firmware/binary lab/firmware/image lab/firmware/inspect",
	"lab/firmware/malware":   "evidence lab lab/firmware/binary lab/firmware/image lab/firmware/inspect",
	"lab/scanner":            "lab lab/firmware/malware",

	"lab/firmware/unpack/unpacktest": "lab/firmware/image",
	"lab/firmware/unpack/trial":      "lab/firmware/image lab/firmware/unpack/unpacktest lab/labtest",
	"lab/firmware/unpack/inode":      "lab/firmware/image",
	"lab/firmware/unpack/kernel":     "lab/firmware/image lab/firmware/unpack/compress",
	"lab/firmware/unpack/wrapper":    "lab/firmware/image",
	"lab/firmware/unpack/archive":    "lab/firmware/image",
	"lab/firmware/unpack/compress":   "lab/firmware/image",
	"lab/firmware/unpack/cramfs":     "lab/firmware/image lab/firmware/unpack/compress lab/firmware/unpack/inode",
	"lab/firmware/unpack/ext":        "lab/firmware/image lab/firmware/unpack/inode",
	"lab/firmware/unpack/jffs2":      "lab/firmware/image lab/firmware/unpack/compress lab/firmware/unpack/inode",
	"lab/firmware/unpack/ubi":        "lab/firmware/image",
	"lab/firmware/unpack/ubifs":      "lab/firmware/image lab/firmware/unpack/compress lab/firmware/unpack/inode",
	"lab/firmware/unpack/fat":        "lab/firmware/image lab/firmware/unpack/inode",
	"lab/firmware/unpack/disk":       "lab/firmware/image",
	"lab/firmware/unpack/romfs":      "lab/firmware/image lab/firmware/unpack/inode",
	"lab/firmware/unpack/squashfs":   "lab/firmware/image lab/firmware/unpack/compress lab/firmware/unpack/inode",

	// What is known of vulnerabilities, and what of it is about a product.
	"lab/vulnerability/version":  "",
	"lab/vulnerability/snapshot": "lab/vulnerability/version",
	"lab/vulnerability":          "evidence lab lab/vulnerability/snapshot lab/vulnerability/version",
	"lab/vulnerability/source":   "evidence confine lab/vulnerability/snapshot lab/vulnerability/version",

	// What an image gives away, what it starts, and how it is updated.
	"lab/firmware/inspect/inspecttest": "lab/firmware/image lab/firmware/inspect",
	"lab/firmware/secret":              "lab lab/firmware/image lab/firmware/inspect lab/firmware/shell",
	"lab/firmware/service":             "lab lab/firmware/image lab/firmware/inspect lab/firmware/shell",
	"lab/firmware/shell":               "",
	"lab/firmware/update":              "lab lab/firmware/image lab/firmware/inspect lab/firmware/shell",

	"lab/firmware/component": "lab lab/firmware/binary lab/firmware/image lab/firmware/inspect",

	"node":      "keys ledger store peer office web",
	"campaign":  "*",
	"cmd/assay": "*",
}

// core has neither input nor output nor a clock.
var core = []string{"civil", "scheme", "evidence", "assess", "certificate", "recognition", "market"}

// impure are standard packages that the core may not import.
var impure = []string{
	"os", "os/exec", "os/signal", "net", "net/http", "net/rpc", "database/sql", "io/fs", "io/ioutil", "path/filepath",
	"log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "runtime", "sync", "sync/atomic", "syscall", "unsafe",
	"embed", "flag", "plugin", "expvar", "testing", "context",
}

// clock are the functions of package time that read a clock or wait for it,
// and the zone that depends on the machine.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Local"}

// owners say who may import a library: one place each, so that it can be
// replaced there. A library that is not here needs a line in
// docs/dependencies.md and one here.
var owners = map[string]string{
	"codeberg.org/go-pdf/fpdf":                 "report",
	"filippo.io/age":                           "keys",
	"github.com/CycloneDX/cyclonedx-go":        "exchange/cyclonedx lab/sbom",
	"github.com/danielgtaylor/huma/v2":         "web",
	"github.com/fxamacker/cbor/v2":             "statement office",
	"github.com/go-jose/go-jose/v4":            "peer",
	"github.com/go-json-experiment/json":       "exchange/intake exchange/spdx exchange/sarif exchange/testssl exchange/sshaudit exchange/oscal lab/vulnerability/source",
	"github.com/google/uuid":                   "office client exchange/attest exchange/oscal",
	"github.com/jackc/pgx/v5":                  "store store/storetest",
	"github.com/klauspost/compress":            "lab/firmware/unpack/compress",
	"github.com/miekg/pkcs11":                  "keys",
	"github.com/openwall/yescrypt-go":          "lab/firmware/secret lab/device/probe/ssh",
	"golang.org/x/net":                         "lab/device/probe/mdns lab/disclosure",
	"github.com/pierrec/lz4/v4":                "lab/firmware/unpack/compress",
	"github.com/santhosh-tekuri/jsonschema/v6": "catalog",
	"github.com/ulikunitz/xz":                  "lab/vulnerability/source",
	"github.com/transparency-dev/formats":      "ledger peer",
	"go.yaml.in/yaml/v3":                       "bundle catalog evidence lab lab/firmware/component lab/vulnerability cmd/assay lab/firmware/verdict",
	"github.com/xuri/excelize/v2":              "workbook",
	"golang.org/x/crypto":                      "lab/firmware/secret lab/device/probe/ssh",
	"golang.org/x/image":                       "report",
	"golang.org/x/mod":                         "keys ledger peer cmd/assay",
	"golang.org/x/sync":                        "peer",
	"golang.org/x/sys":                         "confine",
	"golang.org/x/term":                        "cmd/assay",
	"golang.org/x/text":                        "catalog locale office report web",
	"modernc.org/sqlite":                       "store",
}

// source is a parsed file of the module that is no test.
type source struct {
	pkg  string // relative to the module, "." for the root
	path string
	*ast.File
}

// sources parses all of the module: not the nested modules, nor testdata.
func sources(t *testing.T) (files []source, set *token.FileSet) {
	t.Helper()
	set = token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(p, "go.mod"))
			if p != "." && (nested == nil || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		files = append(files, source{path.Dir(p), p, f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("%d files found: the walk misses the module", len(files))
	}
	return files, set
}

func TestImports(t *testing.T) {
	files, set := sources(t)
	for _, f := range files {
		may, ok := allowed[f.pkg]
		if !ok {
			t.Errorf("%s: package %s is not in the layout; give it a line in imports_test.go", f.path, f.pkg)
			continue
		}
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			at := set.Position(spec.Pos())
			switch own, ours := strings.CutPrefix(name, "assay/"); {
			case ours && may != "*" && !slices.Contains(strings.Fields(may), own):
				t.Errorf("%s: %s imports %s; it may import: %s", at, f.pkg, own, may)
			case ours:
			case strings.Contains(strings.Split(name, "/")[0], "."):
				library, by := owner(name)
				if library == "" {
					t.Errorf("%s: %s is a library without an owner", at, name)
				} else if !slices.Contains(strings.Fields(by), f.pkg) {
					t.Errorf("%s: %s imports %s, which is for: %s", at, f.pkg, library, by)
				}
			case slices.Contains(core, f.pkg) && slices.Contains(impure, name):
				t.Errorf("%s: the core imports %s", at, name)
			}
		}
	}
}

// docs/dependencies.md has every library with its owner and its version, of
// this module and of the nested ones.
func TestDependenciesAreExplained(t *testing.T) {
	page, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for module := range owners {
		if !strings.Contains(string(page), "| `"+module+"` | "+version(t, "go.mod", module)+" |") {
			t.Errorf("docs/dependencies.md has not %s %s", module, version(t, "go.mod", module))
		}
	}
	for _, nested := range []string{"interop", "bench"} {
		mod := filepath.Join(nested, "go.mod")
		b, err := os.ReadFile(mod)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		direct, _, _ := strings.Cut(string(b), "\n)") // the first block; the second is what these need
		for _, l := range strings.Split(direct, "\n") {
			f := strings.Fields(l)
			if len(f) != 2 || !strings.Contains(f[0], ".") || owners[f[0]] != "" {
				continue
			}
			if !strings.Contains(string(page), "| `"+f[0]+"` | "+f[1]+" |") {
				t.Errorf("docs/dependencies.md has not %s %s of %s", f[0], f[1], mod)
			}
		}
	}
}

// version is the one that a go.mod requires.
func version(t *testing.T, mod, module string) string {
	t.Helper()
	b, err := os.ReadFile(mod)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(strings.TrimPrefix(l, "require ")); len(f) >= 2 && f[0] == module {
			return f[1]
		}
	}
	t.Errorf("%s does not require %s, which has an owner", mod, module)
	return ""
}

func owner(name string) (library, by string) {
	for library, by := range owners {
		if name == library || strings.HasPrefix(name, library+"/") {
			return library, by
		}
	}
	return "", ""
}

// Every time that the core uses is given to it.
func TestCoreReadsNoClock(t *testing.T) {
	files, set := sources(t)
	for _, f := range files {
		if !slices.Contains(core, f.pkg) {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, s.Sel.Name) {
					t.Errorf("%s: time.%s in the core", set.Position(n.Pos()), s.Sel.Name)
				}
			}
			return true
		})
	}
}

// What reads the bytes of an image does nothing but compute: it knows no file of this
// machine, no network, no clock.
func TestReadersOnlyCompute(t *testing.T) {
	files, set := sources(t)
	n := 0
	for _, f := range files {
		if !strings.HasPrefix(f.pkg, "lab/firmware/") || strings.HasSuffix(f.pkg, "test") || f.pkg == "lab/firmware/unpack/trial" {
			continue
		}
		n++
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			root, _, _ := strings.Cut(name, "/")
			if name != "net/netip" && slices.Contains([]string{"os", "net", "syscall", "plugin", "log", "testing"}, root) || slices.Contains([]string{"io/ioutil", "path/filepath", "math/rand", "math/rand/v2", "crypto/rand", "unsafe", "os/exec"}, name) {
				t.Errorf("%s: %s imports %s", set.Position(spec.Pos()), f.pkg, name)
			}
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, s.Sel.Name) {
					t.Errorf("%s: time.%s in a reader of images", set.Position(n.Pos()), s.Sel.Name)
				}
			}
			return true
		})
	}
	if n < 20 {
		t.Errorf("%d files found: the walk misses the readers", n)
	}
}

// Every package says what it is for, and is tested.
func TestPackages(t *testing.T) {
	files, _ := sources(t)
	documented := map[string]bool{}
	for _, f := range files {
		text := ""
		if f.Doc != nil {
			text = f.Doc.Text()
		}
		want := "Package " + f.Name.Name + " "
		if f.Name.Name == "main" {
			want = "Command " + path.Base(f.pkg) + " "
		}
		documented[f.pkg] = documented[f.pkg] || strings.HasPrefix(text, want)
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no comment that begins with Package or Command and its name", pkg)
		}
		tests, err := filepath.Glob(filepath.Join(pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(tests) == 0 && pkg != "store/storetest" { // tested by all that use it
			t.Errorf("%s has no test", pkg)
		}
	}
	for pkg := range allowed {
		if _, ok := documented[pkg]; !ok {
			t.Errorf("%s is in the layout and does not exist", pkg)
		}
	}
}
