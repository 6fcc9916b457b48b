package component

import (
	"bytes"
	"regexp"
	"strings"

	"assay/lab"
	"assay/lab/firmware/binary"
	"assay/lab/firmware/inspect"
)

// module is a module of a kernel.
type module struct {
	name    string // of the file, without .ko
	info    *binary.ModuleInfo
	release string // the kernel that it was built for, as uname -r says it
	folder  string // below /lib/modules
	place   lab.Place
	sum     [32]byte
}

func (i *Inspector) addModule(f *inspect.File, m *binary.ModuleInfo, name string) {
	if len(i.modules) >= maxModules {
		i.left++
		return
	}
	name, _, _ = strings.Cut(name, ".ko")
	// Modules may be stripped of what they say of themselves; the folder says it, too.
	_, in, _ := strings.Cut(f.Path, "/lib/modules/")
	folder, _, _ := strings.Cut(in, "/")
	release := m.Kernel
	if release == "" {
		release = folder
	}
	i.modules = append(i.modules, module{short(name, 100), m, short(release, 100), folder, lab.Place{Part: f.System.Part, Path: f.Path}, f.SHA256})
}

var (
	release = regexp.MustCompile(`^[0-9]+\.[0-9]+(?:\.[0-9]+)*(?:-rc[0-9]+)?`)
	// Distributions name their kernels by the series and a number of their own: 6.1.0-37-armmp is
	// some 6.1.x.
	series = regexp.MustCompile(`^[0-9]+\.[0-9]+\.0-[0-9]+(?:-|$)`)
)

// kernelVersion is the upstream version in a release (uname -r), "" where it has
// none.
func kernelVersion(r string) string {
	if series.MatchString(r) {
		return ""
	}
	return release.FindString(r)
}

// config is a kernel's configuration.
type config struct {
	release string // that it says it is for, "" where it does not
	options map[string]string
	place   lab.Place
	text    string
}

// Bounds of a configuration.
const (
	maxConfig  = 4 << 20
	maxOptions = 40_000
	maxConfigs = 16
)

var configHead = regexp.MustCompile(`^# Linux(?:/[a-z0-9_]+)? (?:kernel )?(?:version: )?([0-9]+\.[0-9]+\S*)`)

// isConfig reports whether a text is a configuration of Linux: its first lines say so.
func isConfig(b []byte) bool {
	head := b[:min(len(b), 400)]
	return len(b) <= maxConfig && bytes.HasPrefix(b, []byte("#\n# ")) && bytes.Contains(head, []byte("Linux")) && bytes.Contains(b[:min(len(b), 4000)], []byte("\nCONFIG_"))
}

// readConfig reads a configuration: "CONFIG_X=value", and "# CONFIG_X is not set" as n.
func readConfig(b []byte) (release, text string, options map[string]string) {
	options = map[string]string{}
	for l := range bytes.Lines(b[:min(len(b), maxConfig)]) {
		l := string(bytes.TrimRight(l, "\r\n"))
		if m := configHead.FindStringSubmatch(l); m != nil && release == "" {
			release, text = short(m[1], 100), short(strings.TrimPrefix(l, "# "), 200)
		}
		key, value, ok := "", "", false
		if rest, isOff := strings.CutPrefix(l, "# CONFIG_"); isOff {
			key, ok = strings.CutSuffix(rest, " is not set")
			value = "n"
		} else if rest, isOn := strings.CutPrefix(l, "CONFIG_"); isOn {
			key, value, ok = strings.Cut(rest, "=")
			value = strings.Trim(short(value, 200), `"`)
		}
		if ok && optionName.MatchString(key) && len(options) < maxOptions {
			options[key] = value
		}
	}
	return release, text, options
}

var optionName = regexp.MustCompile(`^[A-Za-z0-9_]{1,80}$`)

func (i *Inspector) addConfig(b []byte, at lab.Place) {
	if len(i.configs) >= maxConfigs {
		return
	}
	release, text, options := readConfig(b)
	if len(options) > 0 {
		i.configs = append(i.configs, config{release, options, at, text})
	}
}
