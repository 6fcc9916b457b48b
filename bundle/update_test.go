package bundle

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"assay/assess"
	"assay/civil"
	"assay/evidence"
	"assay/scheme"
)

// copyOf is a copy of the evidence that shares nothing with it.
func copyOf(t testing.TB, ev *evidence.Evidence) *evidence.Evidence {
	t.Helper()
	j, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	out := new(evidence.Evidence)
	if err := json.Unmarshal(j, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func comments(text string) (list []string) {
	for _, l := range strings.Split(text, "\n") {
		if i := strings.Index(l, "# "); i >= 0 && strings.TrimSpace(l[:i]) == "" {
			list = append(list, strings.TrimSpace(l))
		}
	}
	return list
}

// What is filled into a new bundle stands beside its guidance.
func TestUpdateKeepsComments(t *testing.T) {
	cat, c := embedded(t)
	a, err := assess.Asks(c, cat, "fi-label", "label", []string{"consumer/camera"}, civil.MustDate("2026-11-24"))
	if err != nil {
		t.Fatal(err)
	}
	q, err := Questions(cat, []*assess.Asked{a}, []string{"consumer/camera"}, "ko")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "b")
	if err := q.Save(dir); err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	before := maps.Clone(b.files)
	if changed, err := b.Update(copyOf(t, b.Evidence)); err != nil || len(changed) != 0 {
		t.Fatalf("the same evidence changes %v, %v", changed, err)
	}
	ev := copyOf(t, b.Evidence)
	ev.Product.Holder, ev.Product.Name = "kr-maker", "카메라: \"1.10\""
	ev.Product.Models = []evidence.Model{{ID: "1.10", Hardware: []string{"A"}}, {ID: "yes"}}
	ev.Firmware = []evidence.Firmware{{Version: "1.10"}}
	ev.Support.End = civil.MustDate("2031-12-31")
	ev.Features[slices.Sorted(maps.Keys(ev.Features))[0]] = evidence.Feature{Answer: scheme.No, Ground: "two\nlines"}
	for i := range ev.ICS {
		for id, e := range ev.ICS[i].Entries {
			e.Support, e.Detail = evidence.SupportedYes, "# no comment: {x}"
			e.Artifacts = append(e.Artifacts, evidence.Artifact{Name: "a b.pdf", Size: 1, Shows: []string{"x"}})
			ev.ICS[i].Entries[id] = e
		}
	}
	table := slices.Sorted(maps.Keys(ev.IXIT))[0]
	row := ev.IXIT[table][0]
	for f := range row {
		row[f] = evidence.Cell{"filled " + f}
	}
	ev.IXIT[table] = []evidence.Row{row, {"id": {"second"}}}
	changed, err := b.Update(ev)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{icsFile, tables + "/" + table + yamlExt, productFile}; !slices.Equal(slices.Sorted(slices.Values(changed)), want) {
		t.Errorf("changed %v, want %v", changed, want)
	}
	if got, want := copyOf(t, b.Evidence), copyOf(t, ev); !sayTheSame(got, want) {
		t.Errorf("it says\n%+v\nnot\n%+v", got, want)
	}
	for _, p := range changed {
		for _, l := range comments(string(before[p])) {
			if !strings.Contains(string(b.files[p]), l) {
				t.Errorf("%s: the comment is gone: %s", p, l)
			}
		}
	}
	if err := b.Rewrite(dir, before, changed...); err != nil {
		t.Fatal(err)
	}
	for p, text := range contents(t, dir) {
		if text != string(b.files[p]) {
			t.Errorf("%s is not as it should be", p)
		}
	}
}

// Whatever changes, the files say it, and only those change that have to.
func TestUpdateAnything(t *testing.T) {
	first := open(t, lay(t, sample()))
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		b := open(t, lay(t, sample()))
		ev := copyOf(t, b.Evidence)
		word := func() string {
			return []string{"", "yes", "1.10", "a: b", "# x", "two\nlines\n", " x", "[a]", "null", "~", "한글", "'", "\"", "- x", "{}", "2026-01-01", "\tx"}[r.IntN(17)]
		}
		if r.IntN(2) == 0 {
			ev.Product.Brand, ev.Product.Models[0].Hardware = word(), []string{word(), word()}
		}
		if r.IntN(2) == 0 {
			ev.Declaration, ev.Firmware = nil, append(ev.Firmware, evidence.Firmware{Version: word()})
		}
		if r.IntN(2) == 0 {
			ev.Features["passwords"] = evidence.Feature{Answer: scheme.Answer(r.IntN(3)), Ground: word()}
			delete(ev.Features, "companion-app")
			ev.Features["x"] = evidence.Feature{}
		}
		if r.IntN(2) == 0 {
			ev.ICS[0].Entries["5.2-3"] = evidence.ICSEntry{Support: "no", Detail: word()}
			ev.ICS[0].Entries["9"] = evidence.ICSEntry{Detail: word()}
			ev.ICS = append(ev.ICS, evidence.ICS{Standard: "s", Edition: "1", Entries: map[string]evidence.ICSEntry{}})
			slices.Reverse(ev.ICS)
		}
		if r.IntN(2) == 0 {
			rows := ev.IXIT["vuln-mon"]
			rows[0]["description"], rows[1]["more"] = evidence.Cell{word()}, evidence.Cell{word(), word()}
			slices.Reverse(rows)
			ev.IXIT["intf"] = []evidence.Row{{"id": {"i"}, "n": {word()}}}
		}
		if r.IntN(8) == 0 {
			ev.IXIT["vuln-mon"] = nil
		}
		changed, err := b.Update(ev)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got := copyOf(t, b.Evidence)
		if !sayTheSame(got, ev) {
			x, _ := json.Marshal(got)
			y, _ := json.Marshal(ev)
			t.Fatalf("seed %d: it says\n%s\nnot\n%s", seed, x, y)
		}
		if len(got.Reports)+len(got.Imports)+len(got.Claims) != 3 {
			t.Fatalf("seed %d: something else changed", seed)
		}
		for p := range b.files {
			if was := first.files[p]; !slices.Contains(changed, p) && string(was) != string(b.files[p]) {
				t.Fatalf("seed %d: %s changed and is not named", seed, p)
			}
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	b := open(t, lay(t, sample()))
	ev := copyOf(t, b.Evidence)
	ev.IXIT["../x"] = []evidence.Row{{"id": {"a"}}}
	if _, err := b.Update(ev); !errors.Is(err, ErrNoBundle) {
		t.Errorf("a table that leads elsewhere: %v", err)
	}
	j, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	flat, err := Read("e.json", j)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flat.Update(flat.Evidence); !errors.Is(err, ErrNoBundle) {
		t.Errorf("one file: %v", err)
	}
}

func TestRewriteRefusesWhatChanged(t *testing.T) {
	dir := lay(t, sample())
	b := open(t, dir)
	before := maps.Clone(b.files)
	ev := copyOf(t, b.Evidence)
	ev.Product.Name, ev.IXIT["new"] = "Other", []evidence.Row{{"id": {"a"}}}
	changed, err := b.Update(ev)
	if err != nil || len(changed) != 2 {
		t.Fatal(changed, err)
	}
	for p, text := range map[string]string{"product.yaml": "product: {}\n", "ixit/new.yaml": "rows: []\n"} {
		was, rerr := os.ReadFile(filepath.Join(dir, p))
		if err := os.WriteFile(filepath.Join(dir, p), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		now := contents(t, dir)
		if err := b.Rewrite(dir, before, changed...); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", p, err)
		}
		if !reflect.DeepEqual(contents(t, dir), now) {
			t.Errorf("%s: something was written", p)
		}
		if rerr != nil {
			err = os.Remove(filepath.Join(dir, p))
		} else {
			err = os.WriteFile(filepath.Join(dir, p), was, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Rewrite(dir, before, changed...); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir); got.Evidence.Product.Name != "Other" || got.Evidence.FindRow("new", "a") == nil {
		t.Error("not written")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".bundle-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
