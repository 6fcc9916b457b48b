package component

import (
	"path"
	"strings"

	"assay/lab/firmware/inspect"
)

// database is one folder of a package manager: status, and info/ beside it.
type database struct {
	kind    string // opkg, dpkg, apk
	status  []Entry
	file    string // that the status stands in
	hasIt   bool
	control map[string]found // by package: what info/NAME.control says
}

// found is an entry with its file.
type found struct {
	entry Entry
	file  string
}

// folders of package managers, by the last part of their path.
var managers = map[string]string{"opkg": "opkg", "ipkg": "opkg", "dpkg": "dpkg"}

// manager is the folder and the kind of the package manager that a path belongs to; "" for none.
func manager(p string) (folder, kind string) {
	dir := path.Dir(p)
	if b := path.Base(dir); b == "info" || b == "status.d" {
		dir = path.Dir(dir)
	}
	return dir, managers[path.Base(dir)]
}

func (i *Inspector) databaseOf(f *inspect.File, folder, kind string) *database {
	at := where{f.System.Part, folder}
	d := i.databases[at]
	if d == nil {
		d = &database{kind: kind, control: map[string]found{}}
		i.databases[at] = d
	}
	return d
}

// database reads files of package managers; false where it is none.
func (i *Inspector) database(f *inspect.File, name string) bool {
	if strings.HasSuffix(f.Path, "/apk/db/installed") {
		d := i.databaseOf(f, path.Dir(f.Path), "apk")
		d.status, d.file, d.hasIt = ReadAPK(f.Data), f.Path, true
		for _, e := range d.status {
			i.own(f, e.Name, e.Files)
		}
		return true
	}
	folder, kind := manager(f.Path)
	if kind == "" {
		return false
	}
	inside := path.Base(path.Dir(f.Path))
	switch {
	case name == "status" && inside != "info":
		d := i.databaseOf(f, folder, kind)
		d.status, d.file, d.hasIt = append(d.status, ReadStatus(f.Data, kind)...), f.Path, true
	case inside == "status.d" && !strings.HasSuffix(name, ".md5sums"): // images that are put together without dpkg itself
		d := i.databaseOf(f, folder, kind)
		if e, ok := ReadControl(f.Data, kind); ok {
			e.Line = 0
			d.control[e.Name] = found{e, f.Path}
		}
	case inside == "info" && strings.HasSuffix(name, ".control"):
		d := i.databaseOf(f, folder, kind)
		if e, ok := ReadControl(f.Data, kind); ok {
			d.control[e.Name] = found{e, f.Path}
		}
	case inside == "info" && strings.HasSuffix(name, ".list"):
		pkg, _, _ := strings.Cut(strings.TrimSuffix(name, ".list"), ":")
		i.own(f, pkg, readList(f.Data))
	default:
		return false
	}
	return true
}

func (i *Inspector) own(f *inspect.File, pkg string, files []string) {
	for _, p := range files {
		if len(i.owned) >= maxOwned {
			return
		}
		i.owned[where{f.System.Part, p}] = pkg
	}
}

// entries are the packages of a database, each once: those of the status with what their
// control files say more; without a status those of the control files.
func (d *database) entries() []found {
	var all []found
	seen := map[string]bool{}
	for _, e := range d.status {
		key := e.Name + "\x00" + e.Version + "\x00" + e.Architecture
		if seen[key] {
			continue
		}
		seen[key] = true
		if c, ok := d.control[e.Name]; ok && c.entry.Version == e.Version {
			e.Source, e.License, e.Maintainer = or(e.Source, c.entry.Source), or(e.License, c.entry.License), or(e.Maintainer, c.entry.Maintainer)
		}
		all = append(all, found{e, d.file})
	}
	if d.hasIt && d.kind != "dpkg" {
		return all
	}
	for _, name := range sortedKeys(d.control) {
		c := d.control[name]
		key := c.entry.Name + "\x00" + c.entry.Version + "\x00" + c.entry.Architecture
		if strings.Contains(c.file, "/status.d/") && !seen[key] || !d.hasIt {
			all = append(all, c)
		}
	}
	return all
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
