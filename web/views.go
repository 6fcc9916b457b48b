package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"assay/certificate"
	"assay/office"
	"assay/recognition"
	"assay/scheme"
)

// registerView is the register with its search.
type registerView struct {
	*view
	Query   office.Query
	Entries []office.Entry
	Next    string
}

// Paged reports whether it is not the first page.
func (v *registerView) Paged() bool { return v.Query.After != "" }

func (s *site) registerPage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "register")
	q := r.URL.Query()
	rv := &registerView{view: v, Query: office.Query{
		Text: short(q.Get("q"), 200), Scheme: short(q.Get("scheme"), 64), Level: short(q.Get("level"), 64), Office: short(q.Get("office"), 128), Limit: 50}}
	if st := certificate.State(q.Get("state")); slices.Contains(registerStates, st) {
		rv.Query.State = st
	}
	rv.Query.After = short(q.Get("after"), 1024)
	var err error
	if rv.Entries, rv.Next, err = s.office.Register(r.Context(), rv.Query); err != nil {
		s.fail(w, r, v, err)
		return
	}
	v.Machine = "/v1/certificates"
	nextChange := int64(0)
	for i := range rv.Entries {
		if n := rv.Entries[i].Standing.Next; n != 0 && (nextChange == 0 || n < nextChange) {
			nextChange = n
		}
	}
	s.render(w, r, http.StatusOK, "register", cacheFor(v.Now, nextChange), rv)
}

// short cuts what is longer than any real value; the office would refuse it.
func short(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// NextPage is the address of the next page.
func (v *registerView) NextPage() string { return v.page(v.Next) }

// FirstPage is the address of the first page.
func (v *registerView) FirstPage() string { return v.page("") }

func (v *registerView) page(after string) string {
	q := &v.Query
	return v.Link("/", "q", q.Text, "scheme", q.Scheme, "level", q.Level, "state", string(q.State), "office", q.Office, "after", after)
}

// certificateView is one certificate with its reasons and history.
type certificateView struct {
	*view
	A        *office.Answer
	C        *certificate.Certificate // as amended
	SchemeOf *scheme.Scheme           // nil where the catalog has none
	RestsOn  string                   // designations: the number, or id, that it rests on
	Abroad   string                   // designations: the page of what it rests on; empty where no peer act names the address
	Applied  *recognition.Tried       // designations: the clause that led to it
	Others   []recognition.Tried
	History  []happened
}

// happened is a row of the history.
type happened struct {
	Kind                                             string // text key
	Note                                             string // text key: what stands beside it; may be empty
	Reason                                           string // coded
	Cause                                            string // coded
	Decided, Notified, Effective, Recorded, Received int64
	Millis                                           int64                    // until a partner's event was known here; -1: none
	Source                                           *certificate.SourceEvent // the statement abroad that it follows
	Index                                            int64
}

func (s *site) certificatePage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "register")
	id := r.PathValue("id")
	a, err := s.answerFor(r.Context(), id)
	if err != nil {
		s.fail(w, r, v, err)
		return
	}
	cv := &certificateView{view: v, A: a, C: a.Certificate}
	v.Machine = "/v1/certificates/" + id
	v.Now = a.AsOf
	if a.Standing.Amended != nil {
		cv.C = a.Standing.Amended
	}
	cv.SchemeOf = v.Catalog.Scheme(cv.C.Scheme)
	if d := cv.C.Derived; d != nil {
		cv.RestsOn = d.Number
		if cv.RestsOn == "" {
			cv.RestsOn = d.Certificate
		}
		if base := s.office.SourceLink(r.Context(), d.Source.Office); base != "" {
			cv.Abroad = base + v.Entry(d.Certificate)
		}
		cv.Applied, cv.Others = tried(a.Outcome, d.Clause)
	}
	cv.History = history(a)
	s.render(w, r, http.StatusOK, "certificate", cacheFor(a.AsOf, a.NextChange), cv)
}

// tried splits a recorded outcome into the clause that led to the designation
// and the others. An outcome that this program cannot read has neither.
func tried(raw json.RawMessage, clause string) (applied *recognition.Tried, others []recognition.Tried) {
	var o recognition.Outcome
	if len(raw) == 0 || json.Unmarshal(raw, &o) != nil {
		return nil, nil
	}
	for i := range o.Tried {
		if o.Tried[i].Clause == clause {
			applied = &o.Tried[i]
		} else {
			others = append(others, o.Tried[i])
		}
	}
	return applied, others
}

// abroad finds the event of the source that an event here follows.
func abroad(a *office.Answer, s *certificate.SourceEvent) *certificate.Event {
	for i := range a.Abroad {
		if s != nil && a.Abroad[i].Sequence == s.Sequence {
			return &a.Abroad[i]
		}
	}
	return nil
}

func history(a *office.Answer) []happened {
	c := a.Certificate
	first := happened{Kind: "history.granted", Decided: c.Decided, Effective: c.Effective, Index: a.Index, Millis: -1}
	if c.Derived != nil {
		first.Kind = "history.designated"
	}
	hs := []happened{first}
	for i := range a.Events {
		e := &a.Events[i]
		h := happened{
			Kind: "event." + string(e.Kind), Reason: e.Reason, Cause: string(e.Cause.Kind),
			Decided: e.Decided, Notified: e.Notified, Effective: e.Effective, Recorded: e.Recorded, Received: e.Received,
			Millis: -1, Source: e.Source, Index: e.Index,
		}
		if e.Change == certificate.Undoes {
			h.Note = "change.undoes"
		}
		if there := abroad(a, e.Source); there != nil {
			h.Received = there.Received
			h.Millis = max(there.Received-there.Recorded, 0) / 1000
		}
		hs = append(hs, h)
	}
	return hs
}

// arrivalsView is what came from partners.
type arrivalsView struct {
	*view
	Site     string
	Arrivals []office.Arrival
	Next     string
	Paged    bool
}

func (s *site) arrivalsPage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "arrivals")
	av := &arrivalsView{view: v, Site: short(r.URL.Query().Get("site"), 128)}
	after := short(r.URL.Query().Get("after"), 1024)
	as, next, err := s.office.Arrivals(r.Context(), av.Site, after, 50)
	if err != nil {
		s.fail(w, r, v, err)
		return
	}
	av.Arrivals, av.Next, av.Paged = as, next, after != ""
	v.Machine = "/v1/arrivals"
	s.render(w, r, http.StatusOK, "arrivals", "no-store", av)
}

// NextPage is the address of the next page.
func (v *arrivalsView) NextPage() string {
	return v.Link("/arrivals", "site", v.Site, "after", v.Next)
}

// FirstPage is the address of the first page.
func (v *arrivalsView) FirstPage() string { return v.Link("/arrivals", "site", v.Site) }

// peersView is the partners.
type peersView struct {
	*view
	Peers []peerView
}

// peerView is a partner with what it signed against itself.
type peerView struct {
	office.PeerStatus
	Behind int64
	Proofs []string // indented JSON
}

// maxProof bounds what a page shows of one proof; the API has all of it.
const maxProof = 8 << 10

func (s *site) peersPage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "peers")
	ps, err := s.office.Peers(r.Context())
	if err != nil {
		s.fail(w, r, v, err)
		return
	}
	pv := &peersView{view: v}
	for _, p := range ps {
		one := peerView{PeerStatus: p, Behind: max(0, p.Size-p.Applied)}
		if p.Evidence > 0 {
			es, err := s.office.PeerEvidence(r.Context(), p.Site)
			if err != nil {
				s.fail(w, r, v, err)
				return
			}
			for _, e := range es {
				one.Proofs = append(one.Proofs, indent(e))
			}
		}
		pv.Peers = append(pv.Peers, one)
	}
	v.Machine = "/v1/peers"
	s.render(w, r, http.StatusOK, "peers", "no-store", pv)
}

func indent(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return ""
	}
	if b.Len() > maxProof {
		b.Truncate(maxProof)
		b.WriteString("\n…")
	}
	return string(bytes.ToValidUTF8(b.Bytes(), nil))
}

func (s *site) catalogPage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "catalog")
	if _, err := s.office.Catalog(r.Context()); err != nil {
		s.fail(w, r, v, err)
		return
	}
	v.Machine = "/v1/catalog"
	s.render(w, r, http.StatusOK, "catalog", "public, max-age=60", &struct{ *view }{v})
}
