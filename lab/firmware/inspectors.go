package firmware

import (
	"assay/lab"
	"assay/lab/firmware/component"
	"assay/lab/firmware/hardening"
	"assay/lab/firmware/inspect"
	"assay/lab/firmware/malware"
	"assay/lab/firmware/secret"
	"assay/lab/firmware/service"
	"assay/lab/firmware/update"
)

// inspector is one of those that look at the files, under its name.
type inspector struct {
	name string
	inspect.Inspector
	// result moves what was found to the facts; it gives the findings, which are not left in
	// the result.
	result func(r *Results) []lab.Finding
	failed string // why it gave up
}

// inspectors are all of them, new for each image.
func inspectors(o told) ([]*inspector, error) {
	components, err := component.New()
	if err != nil {
		return nil, err
	}
	secrets := secret.New(secret.Options{At: o.At, Words: o.Words})
	services, updates, hard, bad := service.New(), update.New(), hardening.NewInspector(), malware.NewInspector()
	return []*inspector{
		{name: "component", Inspector: components, result: func(r *Results) (found []lab.Finding) {
			r.Components, found = components.Result()
			return found
		}},
		{name: "secret", Inspector: secrets, result: func(r *Results) []lab.Finding {
			x := secrets.Result()
			r.Secrets = &x
			return take(&x.Findings)
		}},
		{name: "service", Inspector: services, result: func(r *Results) []lab.Finding {
			x := services.Result()
			r.Services = &x
			return take(&x.Findings)
		}},
		{name: "update", Inspector: updates, result: func(r *Results) []lab.Finding {
			x := updates.Result()
			r.Updates = &x
			return take(&x.Findings)
		}},
		{name: "hardening", Inspector: hard, result: func(r *Results) []lab.Finding {
			x := hard.Result()
			for i := range x.Programs {
				at := &x.Programs[i].Where
				at.Part, at.Path = printable(at.Part), printable(at.Path)
			}
			r.Hardening = &x
			return append(take(&x.Findings), hardening.Components(r.Components)...)
		}},
		{name: "malware", Inspector: bad, result: func(r *Results) []lab.Finding {
			x := bad.Result()
			r.Malware = &x
			return take(&x.Findings)
		}},
	}, nil
}

func take(from *[]lab.Finding) []lab.Finding {
	found := *from
	*from = nil
	return found
}
