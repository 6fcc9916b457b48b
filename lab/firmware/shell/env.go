package shell

import "strings"

// Env is what is known of a script's variables.
type Env struct {
	// Read gives the text of a file of the image, for $(cat FILE); nil: none.
	Read func(path string) (string, bool)
	vars map[string]string
}

// Set gives a variable a value.
func (e *Env) Set(name, value string) {
	if e.vars == nil {
		e.vars = map[string]string{}
	}
	e.vars[name] = value
}

// Get is a variable's value.
func (e *Env) Get(name string) (string, bool) {
	v, ok := e.vars[name]
	return v, ok
}

// Run takes over the assignments of a command; what cannot be told makes a
// variable unknown. Words of local, export and readonly are assignments, too.
func (e *Env) Run(c *Simple) {
	set := c.Set
	if n := c.Name(); n == "local" || n == "export" || n == "readonly" || n == "declare" {
		for _, w := range c.Words[1:] {
			if len(w) > 0 {
				if a, ok := assignment(w); ok {
					set = append(set[:len(set):len(set)], a)
				}
			}
		}
	} else if len(c.Words) > 0 {
		return // X=1 program: for the program only
	}
	for _, a := range set {
		if v, ok := e.Expand(a.Value); ok {
			e.Set(a.Name, v)
		} else {
			delete(e.vars, a.Name)
		}
	}
}

// maxExpanded bounds an expanded word.
const maxExpanded = 8 << 10

// Expand puts in what is known. ok tells whether all of it is; what is not
// stands as ${NAME}.
func (e *Env) Expand(w Word) (text string, ok bool) {
	var b strings.Builder
	ok = true
	for _, p := range w {
		if b.Len() > maxExpanded {
			return b.String()[:maxExpanded], false
		}
		switch p.Kind {
		case Literal:
			b.WriteString(p.Text)
		case Variable:
			switch v, known := e.vars[p.Text]; {
			case known && v != "":
				b.WriteString(v)
			case p.Default != "":
				b.WriteString(p.Default)
			case known:
			default:
				b.WriteString("${" + p.Text + "}")
				ok = false
			}
		case Command:
			v, known := e.output(p.Text)
			if !known {
				b.WriteString("$(" + p.Text + ")")
				ok = false
			}
			b.WriteString(v)
		}
	}
	return b.String(), ok
}

// output is what a command substitution gives, of echo, cat and <.
func (e *Env) output(script string) (string, bool) {
	q := &parser{s: script[:min(len(script), 4096)], line: 1}
	q.run(maxDepth)
	if len(q.out) != 1 {
		return "", false
	}
	c := q.out[0]
	read := func(w Word) (string, bool) {
		p, ok := e.Expand(w)
		if !ok || e.Read == nil {
			return "", false
		}
		s, ok := e.Read(p)
		if !ok || len(s) > maxExpanded {
			return "", false
		}
		return strings.TrimRight(s, "\r\n"), true
	}
	switch name := c.Name(); {
	case name == "" && len(c.Words) == 0 && len(c.To) == 1 && c.To[0].Op == "<":
		return read(c.To[0].Word)
	case name == "cat" && len(c.Words) == 2:
		return read(c.Words[1])
	case name == "echo":
		var all []string
		for _, w := range c.Words[1:] {
			s, ok := e.Expand(w)
			if !ok {
				return "", false
			}
			if s != "-n" {
				all = append(all, s)
			}
		}
		return strings.Join(all, " "), true
	}
	return "", false
}

// Arguments are the words of a command behind its name, with what is known put in.
func (e *Env) Arguments(c *Simple) (all []string) {
	if len(c.Words) == 0 {
		return nil
	}
	for _, w := range c.Words[1:] {
		s, _ := e.Expand(w)
		// A variable without quotes is cut at spaces.
		if len(w) == 1 && w[0].Kind != Literal && !w[0].Quoted && !strings.Contains(s, "${") && !strings.Contains(s, "$(") {
			all = append(all, strings.Fields(s)...)
			continue
		}
		all = append(all, s)
	}
	return all
}
