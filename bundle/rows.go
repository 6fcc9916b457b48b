package bundle

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"assay/evidence"
	"assay/scheme"

	"go.yaml.in/yaml/v3"
)

// RowsOf are the IXIT rows that a report's verdicts were given on, those of
// tables that a unit reads as a whole included, by
// TABLE/ROW, with their digests as they stand in ev: what evidence.Report.Rows
// has to hold. It fails, naming every one, where a verdict is on a unit that the
// specification has not, or on a row that is not there.
func RowsOf(r *evidence.Report, ev *evidence.Evidence, spec *scheme.TestSpec) (map[string]evidence.Hash, error) {
	rows := map[string]evidence.Hash{}
	var errs []error
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		_, _, u := spec.Unit(v.Unit)
		switch {
		case u == nil:
			errs = append(errs, fmt.Errorf("verdict %d: %s has no unit %.60q", i+1, spec.Name(), v.Unit))
			continue
		case u.Over != nil:
			row := ev.FindRow(u.Over.Table, v.Row)
			if row == nil {
				errs = append(errs, fmt.Errorf("verdict %d on unit %s: table %s has no row %.60q", i+1, v.Unit, u.Over.Table, v.Row))
				continue
			}
			rows[u.Over.Table+"/"+v.Row] = row.Digest()
		}
		for _, table := range u.Reads {
			for _, row := range ev.IXIT[table] {
				rows[table+"/"+row.ID()] = row.Digest()
			}
		}
	}
	return rows, errors.Join(errs...)
}

// FillRows sets the field rows of a report's text and leaves all else as it
// is, comments too. The text must be YAML with its fields on lines of their own.
func FillRows(text []byte, rows map[string]evidence.Hash) ([]byte, error) {
	before, err := evidence.ParseReport("", text)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	root := doc.Content[0]
	if root.Style&yaml.FlowStyle != 0 || strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		return nil, errors.New("the report is written in braces: write it as YAML with a line for each field")
	}
	lines := strings.SplitAfter(string(text), "\n")
	for i := 0; i+1 < len(root.Content); i += 2 {
		if k := root.Content[i]; k.Value == "rows" {
			lines = append(lines[:k.Line-1], lines[last(root.Content[i+1]):]...)
			break
		}
	}
	out := strings.Join(lines, "")
	if out != "" && !strings.HasSuffix(out, "\n") {
		out += "\n"
	}
	if len(rows) > 0 {
		out += "rows:\n"
		for _, id := range sorted(rows) {
			out += fmt.Sprintf("  %q: %s\n", id, rows[id])
		}
	}
	after, err := evidence.ParseReport("", []byte(out))
	if err != nil {
		return nil, fmt.Errorf("setting the rows would spoil the report: %w", err)
	}
	before.Rows = nil
	if len(rows) > 0 {
		before.Rows = rows
	}
	if !reflect.DeepEqual(before, after) {
		return nil, errors.New("setting the rows would change more than the rows: move the field rows to the report's end")
	}
	return []byte(out), nil
}

// last is the last line of a value.
func last(n *yaml.Node) int {
	l := n.Line
	for _, c := range n.Content {
		l = max(l, last(c))
	}
	return l
}
