package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	"assay/civil"
	"assay/evidence"
	"assay/report"
)

// reportOut is where `assay assess` writes reports to.
type reportOut struct{ html, pdf, by string }

func reportFlags(v *verb) *reportOut {
	o := &reportOut{}
	v.StringVar(&o.html, "html", "", "")
	v.StringVar(&o.pdf, "pdf", "", "")
	v.StringVar(&o.by, "by", "", "")
	return o
}

// write writes what was asked for: both files, or none where one cannot be made.
func (o *reportOut) write(a *assessment, lang string) error {
	if o.html == "" && o.pdf == "" {
		return nil
	}
	opt := report.Options{Lang: lang, By: o.by, Now: civil.DateAt(time.Now().UnixMicro(), time.Local), Where: a.where}
	for _, f := range a.Findings {
		opt.Faults = append(opt.Faults, report.Fault{Where: fileLine(f.File, f.Line), Problem: f.Problem, Remedy: f.Remedy})
	}
	r, err := report.New(a.cat, a.c, a.ev, a.Results, opt)
	if err != nil {
		return err
	}
	type output struct {
		flag, name string
		body       []byte
	}
	var outs []output
	for _, x := range []struct {
		flag, name string
		write      func(io.Writer) error
	}{{"--html", o.html, r.HTML}, {"--pdf", o.pdf, r.PDF}} {
		if x.name == "" {
			continue
		}
		var b bytes.Buffer
		if err := x.write(&b); err != nil {
			return fmt.Errorf("%s: %w", x.flag, err)
		}
		outs = append(outs, output{x.flag, x.name, b.Bytes()})
	}
	for _, x := range outs {
		if err := writeDocument(x.name, func() ([]byte, error) { return x.body, nil }); err != nil {
			return fmt.Errorf("%s: %w", x.flag, err)
		}
	}
	return nil
}

// where says in which file and line of the bundle a place in the evidence is.
func (a *assessment) where(place string) string {
	f := a.b.Locate(evidence.Finding{Place: place})[0]
	return fileLine(f.File, f.Line)
}

func fileLine(file string, line int) string {
	if line > 0 {
		return file + ":" + strconv.Itoa(line)
	}
	return file
}
