package office

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/certificate"
	"assay/civil"
	"assay/scheme"
)

//go:embed letter/*.json
var letterFiles embed.FS

// letters has, by language and part, the sentences of decision letters.
var letters = func() map[string]map[string]string {
	out := map[string]map[string]string{}
	files, err := letterFiles.ReadDir("letter")
	if err != nil {
		panic(err) // embedded
	}
	for _, f := range files {
		b, err := letterFiles.ReadFile("letter/" + f.Name())
		if err != nil {
			panic(err)
		}
		m := map[string]string{}
		if err := json.Unmarshal(b, &m); err != nil {
			panic(fmt.Errorf("letter/%s: %w", f.Name(), err))
		}
		out[strings.TrimSuffix(f.Name(), ".json")] = m
	}
	return out
}()

// Letter is the decision letter of an act as data, in the languages of the
// office and of the holder, with the remedy and its last day from the scheme.
func (o *Office) Letter(ctx context.Context, by *Person, actID, lang string) (*Letter, error) {
	a, err := o.Act(ctx, by, actID)
	if err != nil {
		return nil, err
	}
	if a.State != ActDone {
		return nil, fail(Conflict, "", "wait for the decision", "the act is %s: there is no letter yet", a.State)
	}
	if lang != "" && letters[lang] == nil {
		return nil, fail(Invalid, "lang", "one of "+strings.Join(slices.Sorted(maps.Keys(letters)), ", "), "no letter is written in %q", clip(lang))
	}
	l := &Letter{Act: a.ID, Decision: string(a.Kind), Subject: a.Subject, Text: map[string]map[string]string{}}
	var product, number, schemeID string
	err = o.view(ctx, func(w *work) error {
		langs := slices.Clone(o.info.Languages)
		var res Result
		if len(a.Result) > 0 {
			_ = json.Unmarshal(a.Result, &res) // other kinds of act have other results
		}
		var c *certificate.Certificate
		if res.Certificate != "" {
			h, err := w.own(res.Certificate)
			if err != nil {
				return err
			}
			c = h.Certificate
			product, number, schemeID = c.Product.Brand+" "+c.Product.Name, c.Number, c.Scheme
		}
		switch a.Kind {
		case ActGrant, ActRefuse:
			var b DecisionBody
			if err := json.Unmarshal(a.Body, &b); err != nil {
				return err
			}
			app, _, err := scanApplication(w.tx.QueryRow(`SELECT `+appColumns+` FROM applications WHERE id = $1`, b.Application))
			if err != nil {
				return err
			}
			l.Reason, schemeID = b.Reason, b.Scheme
			if app.Language != "" {
				langs = append(langs, app.Language)
			}
			if product == "" {
				product = app.ID
			}
		case ActCase:
			var b CaseBody
			if err := json.Unmarshal(a.Body, &b); err != nil {
				return err
			}
			l.Reason = b.Reason
			l.Decision = string(a.Kind) + "-" + b.Decide
		default:
			var b MeasureBody
			if err := json.Unmarshal(a.Body, &b); err != nil || b.Certificate == "" {
				return fail(Conflict, "", "", "an act of kind %s has no letter to a holder", a.Kind)
			}
			l.Reason = b.Reason
		}
		if lang != "" {
			langs = append(langs, lang)
		}
		zone := w.r.zoneOf(schemeID)
		l.Date = civil.DateAt(a.ApprovedAt, zone)
		s := w.r.cat.Scheme(schemeID)
		if s != nil {
			l.Remedy = s.Remedy.Text
			if s.Remedy.Days > 0 {
				l.Until = l.Date.AddDays(s.Remedy.Days)
			}
		}
		for _, lg := range langs {
			t := letters[lg]
			if t == nil {
				continue
			}
			l.Text[lg] = w.letterText(t, lg, l, s, product, number)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (w *work) letterText(t map[string]string, lang string, l *Letter, s *scheme.Scheme, product, number string) map[string]string {
	noun, disclaimer, remedy := "", "", ""
	if s != nil {
		noun, disclaimer, remedy = s.Noun.In(lang), s.Disclaimer.In(lang), s.Remedy.Text.In(lang)
	}
	reason, ok := ReasonText(lang, l.Reason)
	if !ok {
		reason = l.Reason
	}
	fill := strings.NewReplacer("{office}", w.info.Name.In(lang), "{product}", product, "{number}", number, "{noun}", noun,
		"{reason}", reason, "{date}", l.Date.String(), "{until}", l.Until.String(), "{remedy}", remedy, "{scheme}", schemeName(s, lang))
	out := map[string]string{"subject": fill.Replace(t["subject"]), "decision": fill.Replace(t["decision."+l.Decision]), "reason": fill.Replace(t["reason"]), "disclaimer": disclaimer}
	if remedy != "" {
		out["remedy"] = remedy
		if l.Until != 0 {
			out["deadline"] = fill.Replace(t["deadline"])
		}
	}
	return out
}

func schemeName(s *scheme.Scheme, lang string) string {
	if s == nil {
		return ""
	}
	return s.Name.In(lang)
}
