package evidence

import (
	"strings"
	"testing"

	"assay/civil"
	"assay/scheme"
)

// A task names one thing, a way and an end; a report may have nothing but tasks.
func TestTasks(t *testing.T) {
	task := func(change func(*Task)) Task {
		x := Task{ID: "T1", Unit: "5.6-1-2/c", Seen: "Ports.", Method: []string{"Scan."}, Passes: "None."}
		change(&x)
		return x
	}
	ref := Ref{"std", "1", "m"}
	for what, c := range map[string]struct {
		tasks []Task
		place string
	}{
		"good":           {[]Task{task(func(*Task) {}), task(func(x *Task) { x.ID, x.Unit, x.Requirement = "T2", "", &ref })}, ""},
		"twice":          {[]Task{task(func(*Task) {}), task(func(*Task) {})}, "/tasks/1/id"},
		"about nothing":  {[]Task{task(func(x *Task) { x.Unit = "" })}, "/tasks/0"},
		"about too much": {[]Task{task(func(x *Task) { x.Requirement = &ref })}, "/tasks/0"},
		"no way":         {[]Task{task(func(x *Task) { x.Method = nil })}, "/tasks/0/method"},
		"no end":         {[]Task{task(func(x *Task) { x.Passes = "" })}, "/tasks/0/passes"},
		"no hash":        {[]Task{task(func(x *Task) { x.Artifacts = []Artifact{{Name: "run.json", Size: 1}} })}, "/tasks/0/artifacts/0/sha256"},
		"too long":       {[]Task{task(func(x *Task) { x.Seen = strings.Repeat("x", maxText+1) })}, "/tasks/0/seen"},
	} {
		day := civil.MustDate("2026-11-24")
		r := &Report{
			Number: "1", By: Body{Kind: scheme.Maker, ID: "fi:x"}, Method: Method{Standard: "s", Edition: "1"}, Date: day, Tested: Period{day, day},
			Product: Tested{"fi:x", "P", []string{"M"}}, Tasks: c.tasks,
		}
		s, err := FromReport("r.yaml", r, "")
		if err != nil {
			t.Fatal(err)
		}
		e := &Evidence{Product: Product{Holder: "fi:x", Name: "P", Models: []Model{{ID: "M"}}}, Reports: []Signed{*s}}
		var places []string
		for _, f := range e.Validate() {
			if rest, ok := strings.CutPrefix(f.Place, "/reports/0/body"); ok {
				places = append(places, rest)
			}
		}
		if got := strings.Join(places, " "); got != c.place {
			t.Errorf("%s: %q", what, got)
		}
	}
}
