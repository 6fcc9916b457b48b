package exchange

import (
	_ "embed"
	"path"
	"slices"
	"sync"

	"assay/evidence"
)

//go:embed about.yaml
var aboutText []byte

// aboutRule says on which requirements an issue bears.
type aboutRule struct {
	Formats []string       `json:"formats"`
	IDs     []string       `json:"ids"`
	CWE     []string       `json:"cwe"`
	About   []evidence.Ref `json:"about"`
	Why     string         `json:"why"`
}

// aboutRules are those of about.yaml.
var aboutRules = sync.OnceValues(func() ([]aboutRule, error) {
	var t struct {
		Rules []aboutRule `json:"rules"`
	}
	err := evidence.ParseFile("about.yaml", aboutText, &t)
	return t.Rules, err
})

func (r *aboutRule) met(format string, i *evidence.Issue) bool {
	if len(r.Formats) > 0 && !slices.Contains(r.Formats, format) {
		return false
	}
	if slices.ContainsFunc(r.IDs, func(p string) bool { ok, err := path.Match(p, i.ID); return ok && err == nil }) {
		return true
	}
	return slices.ContainsFunc(i.CWE, func(c string) bool { return slices.Contains(r.CWE, c) })
}

// bear says of each issue of an import on which requirements it bears, where the
// file does not. A vulnerability that is not there bears on none.
func bear(m *evidence.Import) error {
	rules, err := aboutRules()
	if err != nil {
		return err
	}
	for i := range m.Issues {
		x := &m.Issues[i]
		if len(x.About) > 0 || x.State == "not_affected" || x.State == "fixed" || x.Severity == "none" {
			continue
		}
		for j := range rules {
			if !rules[j].met(m.Format, x) {
				continue
			}
			for _, r := range rules[j].About {
				if !slices.Contains(x.About, r) {
					x.About = append(x.About, r)
				}
			}
		}
	}
	return nil
}
