package component

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"assay/lab"
	"assay/lab/firmware/binary"
	"assay/lab/firmware/inspect"
)

// manifest is a package of a language's own package system.
type manifest struct {
	system        string // npm, pypi, luarocks, golang, cargo: as package URLs call it
	name, version string
	license       string
	supplier      string
	kind          string // of the observation
	rule          string
	place         lab.Place
	text          string
}

// Bounds of manifests.
const (
	maxManifest  = 1 << 20
	maxManifests = 50_000
)

// manifest reads what installed packages of languages leave behind; false where a
// file is nothing of that.
func (i *Inspector) manifest(f *inspect.File, name string) bool {
	if len(f.Data) > maxManifest {
		return false
	}
	m, ok := manifest{}, false
	switch dir := path.Base(path.Dir(f.Path)); {
	case name == "METADATA" && strings.HasSuffix(dir, ".dist-info"), name == "PKG-INFO" && strings.HasSuffix(dir, ".egg-info"), strings.HasSuffix(name, ".egg-info"):
		m, ok = python(f.Data)
	case name == "package.json" && strings.Contains(f.Path, "/node_modules/"):
		m, ok = node(f.Data, f.Path)
	case strings.HasSuffix(name, ".rockspec"):
		m, ok = rock(name)
	}
	if !ok || len(i.loose) >= maxManifests {
		return false
	}
	m.place = lab.Place{Part: f.System.Part, Path: f.Path}
	i.loose = append(i.loose, m)
	return true
}

var (
	separators  = regexp.MustCompile(`[-_.]+`)
	nodeName    = regexp.MustCompile(`^(@[a-z0-9~._-]+/)?[A-Za-z0-9~._-]+$`)
	anyVersion  = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+!_~-]{0,80}$`)
	rockName    = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]*?)-([0-9][0-9A-Za-z.]*-[0-9]+|scm-[0-9]+)\.rockspec$`)
	pythonField = regexp.MustCompile(`(?m)^(Name|Version|License|Author): *(.*)$`)
)

// python reads the head of core metadata (PyPA, Core metadata specifications).
func python(b []byte) (manifest, bool) {
	head, _, _ := bytes.Cut(bytes.ReplaceAll(b, []byte("\r"), nil), []byte("\n\n"))
	m := manifest{system: "pypi", rule: "python-metadata", kind: "database"}
	for _, f := range pythonField.FindAllSubmatch(head, 40) {
		value := string(f[2])
		switch string(f[1]) {
		case "Name":
			// Names are compared in lower case, with one dash for each run of separators.
			m.name = separators.ReplaceAllString(strings.ToLower(value), "-")
		case "Version":
			m.version = value
		case "License":
			m.license = short(value, 100)
		case "Author":
			m.supplier = short(value, 100)
		}
	}
	m.text = m.name + " " + m.version
	return m, packageName.MatchString(m.name) && anyVersion.MatchString(m.version)
}

// node reads package.json of a module that stands in node_modules.
func node(b []byte, p string) (manifest, bool) {
	var j struct {
		Name    string          `json:"name"`
		Version string          `json:"version"`
		License json.RawMessage `json:"license"`
	}
	if json.Unmarshal(b, &j) != nil || !nodeName.MatchString(j.Name) || len(j.Name) > 214 || !anyVersion.MatchString(j.Version) {
		return manifest{}, false
	}
	// Only the module itself, not a package.json somewhere inside of it.
	if !strings.HasSuffix(p, "/node_modules/"+j.Name+"/package.json") {
		return manifest{}, false
	}
	m := manifest{system: "npm", rule: "node-package", kind: "database", name: j.Name, version: j.Version, text: j.Name + " " + j.Version}
	var license string
	if json.Unmarshal(j.License, &license) == nil {
		m.license = short(license, 100)
	}
	return m, true
}

// rock reads the name of a rockspec: NAME-VERSION-REVISION.rockspec.
func rock(name string) (manifest, bool) {
	m := rockName.FindStringSubmatch(name)
	if m == nil {
		return manifest{}, false
	}
	return manifest{system: "luarocks", rule: "lua-rockspec", kind: "filename", name: m[1], version: m[2], text: name}, true
}

// languages keeps what programs in Go and Rust carry of their libraries.
func (i *Inspector) languages(f *inspect.File, e *binary.File) {
	at := lab.Place{Part: f.System.Part, Path: f.Path}
	one := func(system, rule string, d binary.Dependency) {
		if d.Version == "" || d.Version == "(devel)" || d.Name == "" || len(i.loose) >= maxManifests {
			return
		}
		name, version := short(d.Name, 200), short(d.Version, 100)
		i.loose = append(i.loose, manifest{
			system: system, rule: rule, kind: "string", name: name, version: version, place: at, text: name + " " + version,
		})
	}
	if e.Go != nil {
		one("golang", "go-buildinfo", binary.Dependency{Name: "stdlib", Version: strings.TrimPrefix(e.Go.Version, "go")})
		one("golang", "go-buildinfo", e.Go.Main)
		for _, d := range e.Go.Deps {
			one("golang", "go-buildinfo", d)
		}
	}
	if e.Rust != nil {
		for _, d := range e.Rust.Crates {
			one("cargo", "rust-crate", d)
		}
	}
}

func (m manifest) purl() string {
	name := m.name
	if m.system == "luarocks" {
		name = strings.ToLower(name)
	}
	var parts []string
	for p := range strings.SplitSeq(name, "/") {
		parts = append(parts, purlEscape(p))
	}
	return "pkg:" + m.system + "/" + strings.Join(parts, "/") + "@" + purlEscape(m.version)
}
