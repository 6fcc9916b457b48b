package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"assay/certificate"
	"assay/civil"
	"assay/office"
	"assay/recognition"
	"assay/scheme"
)

// now is the instant at which every test happens.
var now = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

const (
	token   = "token-of-an-officer"
	uuidA   = "5f0c8a52-8a2f-4d1e-9a7e-0d7c2b1f3a10"
	certID  = "sg-cls-iot-000017"
	nastyTx = `<script>alert("x")</script>`
)

// fake is an office with one designation in its register, whose history
// grows by suspend, and one application and one act that change by version.
type fake struct {
	err       error // what every call fails with, where set
	answer    office.Answer
	apps      map[string]office.Application
	acts      map[string]office.Act
	published chan struct{} // closed: every entry is published
	asked     string        // what the last list was asked for
	facts     map[string]scheme.Answer
}

var _ Office = (*office.Office)(nil)

func micro(t time.Time) int64 { return t.UnixMicro() }

func newFake() *fake {
	granted := micro(now.Add(-48 * time.Hour))
	leaf := certificate.Digest{1, 2, 3}
	source := certificate.Ref{Office: "specimen-kr", Origin: "specimen-kr.example/log", Index: 41, Leaf: certificate.Digest{9}}
	c := &certificate.Certificate{
		ID: certID, Number: "CSA/231129/000017", Office: "specimen-sg", Scheme: "sg-cls-iot", Edition: "2024", Level: "3",
		Attestation: "third-party", Granted: civil.MustDate("2026-11-22"), Decided: granted, Effective: granted,
		Expires:  civil.MustDate("2029-11-21"),
		Product:  certificate.Product{Holder: "holder-0001", Brand: "SPECIMEN " + nastyTx, Name: "스마트홈 허브 H1", Models: []certificate.Model{{ID: "H1-A", Variants: []string{"white"}, Hardware: "r2"}}, Functions: []string{"iot-gateway"}},
		Firmware: certificate.Firmware{Rule: scheme.FirmwareOpenSecurity, Versions: []string{"2.4.1"}},
		Derived: &certificate.Derived{Source: source, Certificate: "kr-cic-000041", Number: "CIC-2026-041", Scheme: "kr-cic", Level: "basic",
			Arrangement: "sg-kr-2024", Clause: "sg-kr-2024/kr-basic-to-cls3", Mode: scheme.Equivalent, Policy: "automatic", At: granted, Reasons: certificate.Digest{7}, Confidence: scheme.Official},
	}
	outcome, err := json.Marshal(recognition.Outcome{Catalog: "abc", Source: source, At: granted, Tried: []recognition.Tried{
		{Clause: "sg-kr-2024/kr-basic-to-cls3", Arrangement: "sg-kr-2024", Scheme: "sg-cls-iot", Level: "3", Mode: scheme.Equivalent, Answer: scheme.Yes, Confidence: scheme.Official,
			Reasons: []recognition.Reason{{Rule: recognition.FromLevel, Answer: scheme.Yes, Got: "basic " + nastyTx, Wanted: "basic, standard", Fact: &scheme.Fact{Source: "csa-kr", Confidence: scheme.Official, Note: "named in the text"}}}}}})
	if err != nil {
		panic(err)
	}
	return &fake{
		answer: office.Answer{
			Entry: office.Entry{Certificate: c, Index: 17, Leaf: leaf, Stage: office.Published,
				Standing: certificate.Standing{State: certificate.Valid, Since: granted, Until: c.Expires, Next: micro(c.Expires.Time().Add(16 * time.Hour)), Amended: c}},
			Outcome: outcome, NextChange: micro(c.Expires.Time().Add(16 * time.Hour)),
			Rests: []office.Link{{Office: "specimen-fi", ID: "fi-label-000001", Scheme: "fi-label", State: certificate.Valid}},
		},
		apps: map[string]office.Application{}, acts: map[string]office.Act{},
		published: make(chan struct{}),
	}
}

// suspend adds an event, as an act of two persons would.
func (f *fake) suspend() {
	at := micro(now.Add(-time.Hour))
	e := certificate.Event{Kind: scheme.Suspended, Change: certificate.Opens, Cause: certificate.Cause{ID: "src-2", Kind: certificate.FromSource, State: certificate.Suspended},
		Reason: "vulnerability-unfixed", Decided: at, Notified: at, Effective: at, Recorded: at, Sequence: 2, Index: 18}
	follows := certificate.Event{Kind: scheme.Reinstated, Change: certificate.Closes, Cause: certificate.Cause{ID: "src-1"}, Reason: "source-reinstated", Decided: at, Effective: at, Recorded: at,
		Source: &certificate.SourceEvent{Ref: certificate.Ref{Office: "specimen-kr", Index: 43}, Sequence: 3}, Sequence: 1, Index: 17}
	there := follows
	there.Source, there.Sequence, there.Received = nil, 3, at+120_000
	f.answer.Abroad = []certificate.Event{there}
	f.answer.Events = append(f.answer.Events, follows, e)
	f.answer.Standing = certificate.Standing{State: certificate.Suspended, Since: at, Open: []certificate.OpenCause{{Cause: e.Cause, By: &e}}, Until: f.answer.Certificate.Expires, Amended: f.answer.Certificate}
}

func (f *fake) ID() office.Info {
	return office.Info{Office: "specimen-sg", Name: scheme.Text{"en": "SPECIMEN Singapore", "ko": "견본 싱가포르"}, Territory: "SG", Zone: "Asia/Singapore",
		Languages: []string{"en"}, Authorities: []string{"csa"}, Ring: "demo", Origin: "specimen-sg.example/log", Specimen: true}
}
func (f *fake) Document() []byte { return []byte(`{"payload":"e30"}`) }

func (f *fake) Authenticate(_ context.Context, t string) (*office.Person, error) {
	if t != token {
		return nil, &office.Error{Code: office.Unsigned, Message: "no such token", Hint: "ask an administrator", Err: fmt.Errorf("secret cause")}
	}
	return &office.Person{ID: "p1", Pseudonym: "officer-1", Name: "A Name", Roles: []office.Role{office.RoleOfficer}}, nil
}

func (f *fake) Submit(_ context.Context, _ *office.Person, a office.Application) (*office.Application, error) {
	if f.err != nil {
		return nil, f.err
	}
	if old, ok := f.apps[a.ID]; ok {
		if old.Level != a.Level || !bytes.Equal(old.Evidence, a.Evidence) {
			return nil, &office.Error{Code: office.Conflict, Message: "this id has another body"}
		}
		return &old, nil
	}
	a.State, a.Version = "submitted", 1
	f.apps[a.ID] = a
	return &a, nil
}

func (f *fake) change(id string, match int64, state string) (*office.Application, error) {
	a, ok := f.apps[id]
	switch {
	case f.err != nil:
		return nil, f.err
	case !ok:
		return nil, &office.Error{Code: office.NotFound, Message: "no such application", Field: "id"}
	case a.Version != match:
		return nil, &office.Error{Code: office.Changed, Message: "it changed", Hint: "read it again"}
	}
	a.State, a.Version = state, a.Version+1
	f.apps[id] = a
	return &a, nil
}
func (f *fake) Complete(_ context.Context, _ *office.Person, id string, m int64) (*office.Application, error) {
	return f.change(id, m, "complete")
}
func (f *fake) Return(_ context.Context, _ *office.Person, id string, m int64, missing []string) (*office.Application, error) {
	a, err := f.change(id, m, "returned")
	if err == nil {
		a.Missing = missing
	}
	return a, err
}
func (f *fake) Withdraw(_ context.Context, _ *office.Person, id string, m int64) (*office.Application, error) {
	return f.change(id, m, "withdrawn")
}
func (f *fake) Evaluate(_ context.Context, by *office.Person, id string, m int64, e office.Evaluation) (*office.Application, *office.Act, error) {
	a, err := f.change(id, m, "evaluated")
	if err != nil {
		return nil, nil, err
	}
	act := office.Act{ID: uuidA, Kind: office.ActGrant, Proposer: by.Pseudonym, State: office.ActProposed, Version: 1, Index: -1, Stage: office.Recorded, Body: json.RawMessage(`{}`)}
	f.acts[act.ID] = act
	return a, &act, nil
}
func (f *fake) Application(_ context.Context, _ *office.Person, id string) (*office.Application, error) {
	a, ok := f.apps[id]
	if !ok {
		return nil, &office.Error{Code: office.NotFound, Message: "no such application"}
	}
	return &a, f.err
}
func (f *fake) Applications(_ context.Context, _ *office.Person, state, after string, limit int) ([]office.Application, string, error) {
	f.asked = state + "|" + after + "|" + strconv.Itoa(limit)
	return nil, "k:7", f.err
}
func (f *fake) Propose(_ context.Context, by *office.Person, id string, kind office.ActKind, body json.RawMessage) (*office.Act, error) {
	a := office.Act{ID: id, Kind: kind, Body: body, Proposer: by.Pseudonym, State: office.ActProposed, Version: 1, Index: -1, Stage: office.Recorded}
	f.acts[id] = a
	return &a, f.err
}
func (f *fake) Approve(_ context.Context, by *office.Person, id string, m int64) (*office.Act, error) {
	if f.err != nil {
		return nil, f.err
	}
	a := f.acts[id]
	if a.Version != m {
		return nil, &office.Error{Code: office.Changed, Message: "it changed"}
	}
	a.Approver, a.State, a.Version, a.Index, a.Stage = by.Pseudonym, office.ActDone, a.Version+1, 19, office.Logged
	f.acts[id] = a
	return &a, nil
}
func (f *fake) Reject(_ context.Context, _ *office.Person, id string, m int64, reason string) (*office.Act, error) {
	a := f.acts[id]
	a.State = office.ActRejected
	return &a, f.err
}
func (f *fake) Act(_ context.Context, _ *office.Person, id string) (*office.Act, error) {
	a, ok := f.acts[id]
	if !ok {
		return nil, &office.Error{Code: office.NotFound, Message: "no such act"}
	}
	return &a, f.err
}
func (f *fake) Acts(_ context.Context, _ *office.Person, state, after string, limit int) ([]office.Act, string, error) {
	f.asked = state + "|" + after + "|" + strconv.Itoa(limit)
	return nil, "", f.err
}
func (f *fake) Letter(_ context.Context, _ *office.Person, act, lang string) (*office.Letter, error) {
	return &office.Letter{Act: act, Date: civil.MustDate("2026-11-24"), Text: map[string]map[string]string{lang: {"title": "Decision"}}}, f.err
}
func (f *fake) Cases(_ context.Context, _ *office.Person, state, after string, limit int) ([]office.Case, string, error) {
	return []office.Case{{ID: "c1", Kind: "review", State: "open"}}, "", f.err
}
func (f *fake) Alarms(_ context.Context, _ *office.Person, after string, limit int) ([]office.Alarm, string, error) {
	return []office.Alarm{{ID: 1, Kind: "brake"}}, "", f.err
}
func (f *fake) Register(_ context.Context, q office.Query) ([]office.Entry, string, error) {
	f.asked = fmt.Sprintf("%s|%s|%s|%d", q.Text, q.Scheme, q.After, q.Limit)
	if q.Text == "nothing" {
		return nil, "", f.err
	}
	return []office.Entry{f.answer.Entry}, "row:17", f.err
}
func (f *fake) Certificate(_ context.Context, id string, at, known int64) (*office.Answer, error) {
	if f.err != nil {
		return nil, f.err
	}
	if id != certID {
		return nil, &office.Error{Code: office.NotFound, Message: "no such certificate here", Hint: "look at the label again"}
	}
	a := f.answer
	a.AsOf = micro(now)
	a.At, a.Known = at, known
	return &a, nil
}
func (f *fake) ByNumber(_ context.Context, n string) (string, error) {
	if n != f.answer.Certificate.Number {
		return "", &office.Error{Code: office.NotFound, Message: "no such number here"}
	}
	return certID, f.err
}
func (f *fake) Who(_ context.Context, by *office.Person, id string) (*office.Who, error) {
	w := &office.Who{Certificate: id, Acts: []office.WhoAct{{What: "grant", Office: "specimen-sg", Act: office.Act{ID: uuidA, Proposer: "officer-1"}}}}
	if by != nil {
		w.Acts[0].Act.Proposer = by.Name
	}
	return w, f.err
}
func (f *fake) Request(_ context.Context, _ *office.Person, source, id string, r office.StandingRequest) error {
	f.asked = source + "|" + id + "|" + r.Scheme
	return f.err
}
func (f *fake) SourceLink(_ context.Context, site string) string {
	return "https://" + site + ".example"
}
func (f *fake) Arrivals(_ context.Context, site, after string, limit int) ([]office.Arrival, string, error) {
	f.asked = site + "|" + after + "|" + strconv.Itoa(limit)
	var o recognition.Outcome
	if err := json.Unmarshal(f.answer.Outcome, &o); err != nil {
		return nil, "", err
	}
	o.Wanted = []recognition.Wanted{{Action: recognition.Designate, Clause: "sg-kr-2024/kr-basic-to-cls3", Scheme: "sg-cls-iot", Level: "3"}}
	return []office.Arrival{{Office: "specimen-kr", ID: "kr-cic-000041", Number: "CIC-2026-041", Scheme: "kr-cic", Level: "basic", Product: certificate.Product{Name: nastyTx, Brand: "B"}, State: certificate.Suspended,
		Received: micro(now), At: micro(now), Outcome: &o, Here: []office.Link{{Office: "specimen-sg", ID: certID, Number: "CSA/231129/000017", Scheme: "sg-cls-iot", Level: "3", State: certificate.Valid}}}}, "41", f.err
}
func (f *fake) OfferCatalog(_ context.Context, _ *office.Person, digest string, _ []byte) (string, error) {
	return digest, f.err
}
func (f *fake) CatalogArchive(context.Context, string) ([]byte, error) {
	return []byte("archive"), f.err
}
func (f *fake) ClearAlarm(context.Context, *office.Person, int64) error { return f.err }

func (f *fake) Names(context.Context) (map[string]scheme.Text, error) {
	return map[string]scheme.Text{"specimen-kr": {"en": "Specimen Korea", "ko": "견본 한국"}, "specimen-sg": {"en": "Specimen Singapore"}}, nil
}

func (f *fake) Peers(context.Context) ([]office.PeerStatus, error) {
	return []office.PeerStatus{
		{PeerBody: office.PeerBody{Site: "specimen-kr", URL: "https://kr.example", Fingerprint: "ab cd", Schemes: []string{"kr-cic"}}, Origin: "specimen-kr.example/log", Size: 44, Applied: 42, Heard: micro(now.Add(-time.Minute)), Receipt: "assay receipt v1"},
		{PeerBody: office.PeerBody{Site: "specimen-de", URL: "https://de.example"}, Silent: true, Degraded: "fork", Trouble: "unreachable", Rejected: 2, Evidence: 1},
	}, f.err
}
func (f *fake) SignedReceipt(_ context.Context, site string) ([]byte, error) {
	if site != "specimen-kr" {
		return nil, &office.Error{Code: office.NotFound, Message: "no receipt for " + site}
	}
	return []byte("assay receipt v1\n"), f.err
}
func (f *fake) PeerEvidence(_ context.Context, site string) ([]json.RawMessage, error) {
	return []json.RawMessage{json.RawMessage(`{"Kind":"fork","Err":"two heads of size 40"}`)}, f.err
}
func (f *fake) Catalog(context.Context) (*scheme.Catalog, error) {
	src := scheme.Fact{Source: "csa-kr", Confidence: scheme.Official}
	return &scheme.Catalog{
		Digest:  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		Sources: map[string]scheme.Source{"csa-kr": {Title: "Arrangement " + nastyTx, URL: "https://csa.example/kr"}, "bad": {Title: "bad", URL: "javascript:alert(1)"}},
		Schemes: []scheme.Scheme{{ID: "sg-cls-iot", Authority: "csa", Territory: "SG", Zone: "Asia/Singapore", State: scheme.Open,
			Name: scheme.Text{"en": "Cybersecurity Labelling Scheme", "ko": "사이버보안 라벨 제도"}, Noun: scheme.Text{"en": "label", "ko": "라벨"}, Disclaimer: scheme.Text{"en": "No formal security assurance."}, Fact: src,
			Editions: []scheme.Edition{{ID: "2024", From: civil.MustDate("2024-01-01"), Levels: []scheme.Level{{ID: "3", Name: scheme.Text{"en": "Level 3", "ko": "3단계"}}}}}}},
		Categories: []scheme.Category{{ID: "iot-gateway", Name: scheme.Text{"en": "IoT gateway", "ko": "IoT 게이트웨이"}}},
		Arrangements: []scheme.Arrangement{{ID: "sg-kr-2024", Title: scheme.Text{"en": "Singapore–Korea"}, Parties: []string{"csa", "kisa"}, Effective: civil.MustDate("2025-01-01"), Fact: src,
			Clauses: []scheme.Clause{{ID: "sg-kr-2024/kr-basic-to-cls3", From: scheme.Accepts{Scheme: "kr-cic", Levels: []string{"basic"}}, To: scheme.Gives{Scheme: "sg-cls-iot", Level: "3"}, Mode: scheme.Equivalent, Fact: src}}}},
	}, f.err
}
func (f *fake) Blob(_ context.Context, d string) ([]byte, error) {
	if d[0] != 'a' {
		return nil, &office.Error{Code: office.NotFound, Message: "no such blob"}
	}
	return []byte(`{"blob":true}`), f.err
}
func (f *fake) Market(_ context.Context, market, id string, day civil.Date, facts map[string]scheme.Answer) (any, error) {
	f.facts = facts
	return map[string]any{"market": market, "day": day, "answer": scheme.Yes}, f.err
}
func (f *fake) WaitPublished(ctx context.Context, index int64) error {
	select {
	case <-f.published:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
