package testssl

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"assay/evidence"
	"assay/exchange/intake"
)

func parse(name string, text []byte) (*intake.Result, error) {
	f, err := intake.Read(name, bytes.NewReader(text), intake.Standard)
	if err != nil {
		return nil, err
	}
	return Read(f, intake.Options{Holder: "xx:0001"})
}

// file reads a file of testdata.
func file(t *testing.T, name string) *intake.Result {
	t.Helper()
	r, err := parse(name, text(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// refused checks an error's place and what it says.
func refused(t *testing.T, name string, err error, line int, place, says string) {
	t.Helper()
	var e *evidence.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want an *evidence.Error", name, err)
		return
	}
	if e.File == "" || e.Line != line || e.Place != place || !strings.Contains(e.Problem, says) {
		t.Errorf("%s: got line %d, place %q, %q; want line %d, place %q, saying %q", name, e.Line, e.Place, e.Problem, line, place, says)
	}
}

func noted(t *testing.T, r *intake.Result, says string) {
	t.Helper()
	if !slices.ContainsFunc(r.Import.Notes, func(n string) bool { return strings.Contains(n, says) }) {
		t.Errorf("no note says %q: %q", says, r.Import.Notes)
	}
}
