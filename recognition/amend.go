package recognition

import (
	"slices"

	"assay/certificate"
	"assay/scheme"
)

// moved reports whether an amendment abroad changed what the product is, so
// that a model designated here is no longer in the clause's scope.
func (f *following) moved(e *certificate.Event) bool {
	if f.cl == nil || e.Amend == nil || e.Amend.Functions == nil && e.Amend.Models == nil {
		return false
	}
	for _, g := range f.groups {
		if a, _, _ := scope(g.functions, f.cl.in, f.cl.except); a == scheme.Yes {
			continue
		}
		for _, m := range f.st.Amended.Product.Models {
			if slices.Contains(g.models, m.ID) {
				return true
			}
		}
	}
	return false
}

// inform records an event abroad that closes nothing: as an amendment where
// the effect is to follow and there is something to take over, else as a note.
func (f *following) inform(ef scheme.Effect, row *scheme.EffectOn, e *certificate.Event) {
	if f.handled(e) {
		return
	}
	switch ef {
	case scheme.Follow:
		if f.doubtful() {
			return
		}
		if a := f.takeOver(e); !f.over && !a.IsZero() {
			ev := f.event(e.Kind, certificate.Amends, e)
			ev.Amend = &a
			f.emit(Amend, EffectFollow, ev, row)
			return
		}
	case scheme.EndOnDate:
		if row != nil && !f.over && row.Date != 0 && (f.st.Until == 0 || row.Date < f.st.Until) {
			ev := f.event(scheme.Corrected, certificate.Amends, e)
			ev.Amend = &certificate.Amendment{Expires: row.Date}
			f.emit(Amend, EffectEndOnDate, ev, row)
			return
		}
	}
	if e == f.by {
		return // recorded as what it narrowed
	}
	r := EffectNotice
	switch ef {
	case scheme.KeepUntilExpiry:
		r = EffectKeep
	case scheme.Follow:
		r = EffectFollow
	case scheme.EndOnDate:
		r = EffectEndOnDate
	}
	f.emit(Note, r, f.event(e.Kind, certificate.Notes, e), row)
}

// takeOver is what a clause that says "follow" gives beyond what was there.
func (f *following) takeOver(e *certificate.Event) certificate.Amendment {
	var a certificate.Amendment
	have := f.st.Amended
	switch e.Kind {
	case scheme.Extended, scheme.Renewed:
		if f.cl == nil {
			break
		}
		start := have.Granted
		if f.cl.Term.Start == scheme.FromSourceGrant {
			start = f.cert.Granted
		}
		t := Limit(start, f.cl.Term.Bounds, f.cert.SupportEnd, f.cert.Expires)
		if f.cl.capped {
			t.cap(f.cert.Expires, scheme.SourceExpiry)
		}
		if t.Needs == "" && t.End > f.st.Until {
			a.Expires = t.End
		}
	case scheme.Transferred:
		if f.cert.Product.Holder != have.Product.Holder {
			a.Holder = f.cert.Product.Holder
		}
	case scheme.ScopeGrown:
		if f.cl == nil || len(f.cert.Product.Models) == 0 {
			break
		}
		models := f.inScope()
		if !slices.EqualFunc(models, have.Product.Models, sameModel) {
			a.Models = models
		}
		if !f.cert.Firmware.Within(&have.Firmware) {
			a.Firmware = &f.cert.Firmware
		}
	case scheme.Corrected:
		if f.cert.SupportEnd != have.SupportEnd {
			a.SupportEnd = f.cert.SupportEnd
		}
	}
	return a
}

func sameModel(a, b certificate.Model) bool {
	return a.ID == b.ID && a.Hardware == b.Hardware && slices.Equal(a.Variants, b.Variants)
}

// inScope lists the source's models that the clause takes and the holder asked for.
func (f *following) inScope() []certificate.Model {
	asked := f.request(f.x.Certificate.Scheme).models
	var ms []certificate.Model
	for _, m := range f.cert.Product.Models {
		for _, g := range f.groups {
			if !slices.Contains(g.models, m.ID) || len(asked) > 0 && !slices.Contains(asked, m.ID) {
				continue
			}
			if a, _, _ := scope(g.functions, f.cl.in, f.cl.except); a == scheme.Yes {
				ms = append(ms, m)
			}
		}
	}
	return ms
}

// narrow keeps a designation within its source whatever the table says: in
// models, variants, firmware and term.
func (f *following) narrow() {
	if f.over {
		return
	}
	var a certificate.Amendment
	have := f.st.Amended
	last := f.lastAmendment()
	models := make([]certificate.Model, 0, len(have.Product.Models))
	cut := false
	for _, m := range have.Product.Models {
		i := slices.IndexFunc(f.cert.Product.Models, func(s certificate.Model) bool { return s.ID == m.ID })
		if i < 0 {
			cut = true
			continue
		}
		if of := f.cert.Product.Models[i].Variants; slices.ContainsFunc(m.Variants, func(v string) bool { return !slices.Contains(of, v) }) {
			cut = true
			m.Variants = slices.DeleteFunc(slices.Clone(m.Variants), func(v string) bool { return !slices.Contains(of, v) })
		}
		models = append(models, m)
	}
	switch {
	case cut && len(models) == 0:
		id := sourceCause + "scope"
		if last != nil {
			id = seqID(last)
		}
		f.open(scheme.Lapse, id, last, "source-scope-cut", nil)
		f.by = last
		return
	case cut:
		a.Models = models
	}
	if (f.cl == nil || f.cl.Firmware != "own") && !have.Firmware.Within(&f.cert.Firmware) {
		a.Firmware = &f.cert.Firmware
	}
	if end := f.cert.Expires; end != 0 && (f.cl == nil || f.cl.capped) && (have.Expires == 0 || end < have.Expires) {
		a.Expires = end
	}
	if a.IsZero() {
		return
	}
	kind := scheme.ScopeCut
	if a.Models == nil && a.Firmware == nil {
		kind = scheme.Corrected
	}
	ev := f.event(kind, certificate.Amends, last)
	ev.Amend = &a
	f.emit(Amend, EffectNarrowed, ev, nil)
	f.by = last
}

// lastAmendment is the latest event abroad that may have narrowed the source.
func (f *following) lastAmendment() *certificate.Event {
	var last *certificate.Event
	for i := range f.in.Source.Events {
		e := &f.in.Source.Events[i]
		if (e.Change == certificate.Amends || e.Change == certificate.Undoes) && e.Known() <= f.in.Now && e.Effective <= f.in.Now &&
			(last == nil || e.Sequence > last.Sequence) {
			last = e
		}
	}
	return last
}
