package firmware

import (
	"assay/lab"
	"assay/lab/firmware/hardening"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/secret"
)

// inspector is one of those that look at the files, under its name.
type inspector struct {
	name string
	inspect.Inspector
	// result moves what was found to the facts; it gives the findings.
	result func(r *Results) []lab.Finding
	failed string // why it gave up
}

// inspectors are all of them, new for each image.
func inspectors(o told) []*inspector {
	secrets := secret.New(secret.Options{At: o.At, Words: o.Words})
	hard := hardening.NewInspector()
	return []*inspector{
		{name: "secret", Inspector: secrets, result: func(r *Results) []lab.Finding {
			s := secrets.Result()
			found := s.Findings
			s.Findings = nil
			r.Secrets = &s
			return found
		}},
		{name: "hardening", Inspector: hard, result: func(r *Results) []lab.Finding {
			h := hard.Result()
			found := h.Findings
			h.Findings = nil
			r.Hardening = &h
			return found
		}},
	}
}
