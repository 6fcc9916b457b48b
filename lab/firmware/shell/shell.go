// Package shell reads shell scripts of devices as far as can be told without
// running them: which commands stand where, under which conditions, and what
// variables hold that are set to a fixed text (POSIX.1-2017, XCU 2).
package shell

import (
	"slices"
	"strings"
)

// Bounds of one script.
const (
	MaxScript   = 512 << 10 // bytes that are read
	MaxCommands = 20_000
	maxDepth    = 4   // of substitutions in substitutions
	maxNesting  = 100 // of compound commands that are told
)

// Kind of a piece of a word.
type Kind byte

// Kinds of pieces.
const (
	Literal  Kind = iota
	Variable      // Text is the name, Default what stands behind :- or -
	Command       // Text is the script of a command substitution
)

// Piece is a part of a word.
type Piece struct {
	Kind    Kind
	Text    string
	Default string
	Quoted  bool // in quotes
}

// Word is a word of a command, without its quotes.
type Word []Piece

// String is the word as it stands, with variables as ${NAME}.
func (w Word) String() string {
	var b strings.Builder
	for _, p := range w {
		switch p.Kind {
		case Literal:
			b.WriteString(p.Text)
		case Variable:
			b.WriteString("${" + p.Text + "}")
		case Command:
			b.WriteString("$(" + p.Text + ")")
		}
	}
	return b.String()
}

// fixed is the text of a word that has no variable in it.
func (w Word) fixed() (string, bool) {
	s := ""
	for _, p := range w {
		if p.Kind != Literal {
			return "", false
		}
		s += p.Text
	}
	return s, true
}

// descriptor is the digit that a word consists of, as before a redirection; 0: it is another.
func (w Word) descriptor() byte {
	if len(w) == 1 && w[0].Kind == Literal && !w[0].Quoted && len(w[0].Text) == 1 && w[0].Text[0] >= '0' && w[0].Text[0] <= '9' {
		return w[0].Text[0]
	}
	return 0
}

// Assignment is NAME=VALUE.
type Assignment struct {
	Name  string
	Value Word
}

// Redirection is what stands behind > or <.
type Redirection struct {
	Op   string // ">", ">>", "<", "<<"
	Word Word   // of "<<" the body of the here-document
}

// Frame is a compound command that a command stands in.
type Frame struct {
	Kind string // if, else, while, until, for, case, function
	Text string // the pattern of a case, the name of a function, what an if tests
}

// Simple is a simple command.
type Simple struct {
	Line   int // from 1
	Set    []Assignment
	Words  []Word
	To     []Redirection
	From   int    // index of the command whose output it reads, the first of a group, -1 for none
	After  string // "&&" or "||": it depends on the command before it
	Back   bool   // it is put in the background
	Within []Frame
}

// Name is the program without its folder, "" where it is no fixed text.
func (c *Simple) Name() string {
	if len(c.Words) == 0 {
		return ""
	}
	s, ok := c.Words[0].fixed()
	if !ok {
		return ""
	}
	return s[strings.LastIndexByte(s, '/')+1:]
}

// In reports whether the command stands in a compound command of a kind.
func (c *Simple) In(kind string) (text string, ok bool) {
	for i := len(c.Within) - 1; i >= 0; i-- {
		if c.Within[i].Kind == kind {
			return c.Within[i].Text, true
		}
	}
	return "", false
}

// IsScript reports whether a text begins as a shell script, or is one by its folder.
func IsScript(path string, b []byte) bool {
	line, _, _ := strings.Cut(string(b[:min(len(b), 80)]), "\n")
	if strings.HasPrefix(line, "#!") {
		return strings.Contains(line, "sh") && !strings.Contains(line, "python")
	}
	return strings.HasSuffix(path, ".sh") || strings.Contains(path, "/init.d/") || strings.HasSuffix(path, "/rcS") || strings.HasSuffix(path, "/rc.local") || strings.HasSuffix(path, "/etc/rc") || strings.HasSuffix(path, "/etc/profile")
}

// Parse reads a script. It never fails: what it cannot read it takes as words.
func Parse(text []byte) []Simple {
	p := &parser{s: string(text[:min(len(text), MaxScript)]), line: 1}
	p.run(0)
	return p.out
}

type parser struct {
	s      string
	at     int
	line   int
	out    []Simple
	frames []Frame
	within []Frame // frames, as the last command has them
	heres  []here  // that begin after this line
}

type here struct {
	command, index int
	end            string
	tabs, quoted   bool
}

func (p *parser) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *parser) next() byte {
	c := p.s[p.at]
	p.at++
	if c == '\n' {
		p.line++
	}
	return c
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// run reads commands to the end.
func (p *parser) run(depth int) {
	cur := Simple{From: -1}
	pipe, after := -1, ""
	var groups []int // index of the first command of each open ( and {
	closed := -1     // of the group that ends just before
	open := func() {
		if len(groups) < maxNesting {
			groups = append(groups, len(p.out))
		}
	}
	shut := func() {
		if n := len(groups); n > 0 {
			if groups[n-1] < len(p.out) {
				closed = groups[n-1]
			}
			groups = groups[:n-1]
		}
	}
	inCase := []bool{false} // for each case: a pattern is due
	caseDue := func() bool { return len(inCase) > 1 && inCase[len(inCase)-1] }
	var test []string // words of the condition of an if
	testing := false

	end := func() (index int) {
		index = -1
		if len(cur.Words) > 0 || len(cur.Set) > 0 || len(cur.To) > 0 {
			if len(p.out) < MaxCommands {
				if !slices.Equal(p.within, p.frames) { // most commands stand where the one before did
					p.within = slices.Clone(p.frames)
				}
				cur.Within = p.within
				cur.From, cur.After = pipe, after
				if testing && len(test) < 40 {
					for _, w := range cur.Words {
						test = append(test, w.String())
					}
				}
				p.out = append(p.out, cur)
				index = len(p.out) - 1
				p.nested(index, depth)
			}
		}
		cur = Simple{From: -1}
		pipe, after = -1, ""
		return index
	}
	push := func(kind, text string) {
		if len(p.frames) < maxNesting {
			p.frames = append(p.frames, Frame{kind, text})
		}
	}
	pop := func(kinds ...string) {
		for i := len(p.frames) - 1; i >= 0; i-- {
			for _, k := range kinds {
				if p.frames[i].Kind == k {
					p.frames = p.frames[:i]
					return
				}
			}
		}
	}
	for p.at < len(p.s) && len(p.out) < MaxCommands {
		c := p.peek()
		before := closed
		if c != ' ' && c != '\t' {
			closed = -1
		}
		switch {
		case c == '\n':
			p.next()
			end()
			p.readHeres()
		case c == ' ' || c == '\t' || c == '\r':
			p.next()
		case c == '\\' && p.at+1 < len(p.s) && p.s[p.at+1] == '\n':
			p.next()
			p.next()
		case c == '#':
			for p.at < len(p.s) && p.peek() != '\n' {
				p.next()
			}
		case c == ';':
			p.next()
			if p.peek() == ';' {
				p.next()
				end()
				if len(inCase) > 1 {
					inCase[len(inCase)-1] = true
					if len(p.frames) > 0 && p.frames[len(p.frames)-1].Kind == "case" {
						p.frames[len(p.frames)-1].Text = ""
					}
				}
				break
			}
			end()
		case c == '&':
			p.next()
			switch p.peek() {
			case '&':
				p.next()
				end()
				after = "&&"
			case '>': // bash: &>FILE
				p.redirect(&cur)
			default:
				cur.Back = true
				end()
			}
		case c == '|':
			if caseDue() {
				p.next()
				cur.Words = append(cur.Words, Word{{Text: "|"}})
				break
			}
			p.next()
			if p.peek() == '|' {
				p.next()
				end()
				after = "||"
				break
			}
			if p.peek() == '&' {
				p.next()
			}
			if pipe = end(); pipe < 0 {
				pipe = before
			}
		case c == '(':
			p.next()
			if caseDue() {
				break
			}
			if len(cur.Words) == 1 && len(cur.Set) == 0 && p.peek() == ')' { // NAME()
				p.next()
				push("function", cur.Words[0].String())
				cur = Simple{From: -1}
				break
			}
			end()
			open()
		case c == ')':
			p.next()
			if caseDue() {
				var pattern []string
				for _, w := range cur.Words {
					pattern = append(pattern, w.String())
				}
				cur = Simple{From: -1}
				inCase[len(inCase)-1] = false
				if len(p.frames) > 0 && p.frames[len(p.frames)-1].Kind == "case" {
					p.frames[len(p.frames)-1].Text = strings.ReplaceAll(strings.Join(pattern, " "), " | ", "|")
				}
				break
			}
			end()
			shut()
		case c == '>' || c == '<':
			if n := len(cur.Words); n > 0 && p.at > 0 && p.s[p.at-1] == cur.Words[n-1].descriptor() {
				cur.Words = cur.Words[:n-1]
			}
			p.redirect(&cur)
		default:
			line := p.line
			w := p.word()
			if len(w) == 0 { // a byte that begins nothing
				p.next()
				break
			}
			if len(cur.Words) == 0 {
				cur.Line = line
			}
			text, fixed := w.fixed()
			plain := fixed && len(w) == 1 && !w[0].Quoted
			if plain && len(cur.Words) == 0 && !caseDue() {
				switch text {
				case "if":
					testing, test = true, nil
					push("if", "")
					continue
				case "elif":
					testing, test = true, nil
					pop("if", "else")
					push("if", "")
					continue
				case "then":
					testing = false
					if len(p.frames) > 0 && p.frames[len(p.frames)-1].Kind == "if" {
						p.frames[len(p.frames)-1].Text = strings.Join(test, " ")
					}
					continue
				case "else":
					was := ""
					if len(p.frames) > 0 {
						was = p.frames[len(p.frames)-1].Text
					}
					pop("if", "else")
					push("else", was)
					continue
				case "fi":
					end()
					pop("if", "else")
					continue
				case "while", "until":
					push(text, "")
					continue
				case "for":
					push("for", "")
				case "do", "!", "time", "{":
					if text == "{" && (len(p.frames) == 0 || p.frames[len(p.frames)-1].Kind != "function" || p.frames[len(p.frames)-1].Text == "") {
						push("{", "")
					} else if text == "{" {
						push("{", "function")
					}
					if text == "{" {
						open()
					}
					continue
				case "}":
					shut()
					if n := len(p.frames); n > 0 && p.frames[n-1].Kind == "{" {
						function := p.frames[n-1].Text == "function"
						p.frames = p.frames[:n-1]
						if function {
							pop("function")
						}
					} else {
						pop("function")
					}
					continue
				case "done":
					end()
					pop("while", "until", "for")
					continue
				case "esac":
					end()
					pop("case")
					if len(inCase) > 1 {
						inCase = inCase[:len(inCase)-1]
					}
					continue
				case "function":
					for p.peek() == ' ' || p.peek() == '\t' {
						p.next()
					}
					name := p.word()
					push("function", name.String())
					for p.peek() == ' ' || p.peek() == '(' || p.peek() == ')' {
						p.next()
					}
					continue
				}
			}
			if plain && text == "esac" && caseDue() && len(cur.Words) == 0 {
				pop("case")
				inCase = inCase[:len(inCase)-1]
				continue
			}
			if plain && text == "in" && len(cur.Words) == 2 && cur.Words[0].String() == "case" {
				push("case", "")
				if len(inCase) < maxNesting {
					inCase = append(inCase, true)
				}
				cur = Simple{From: -1}
				continue
			}
			if len(cur.Words) == 0 && !caseDue() {
				if a, ok := assignment(w); ok {
					if len(cur.Set) == 0 {
						cur.Line = line
					}
					cur.Set = append(cur.Set, a)
					continue
				}
			}
			if len(cur.Words) < 1000 {
				cur.Words = append(cur.Words, w)
			}
		}
	}
	end()
}

// nested reads the commands of the substitutions of a command.
func (p *parser) nested(index, depth int) {
	if depth >= maxDepth {
		return
	}
	c := p.out[index]
	each := func(w Word) {
		for _, piece := range w {
			if piece.Kind == Command && len(p.out) < MaxCommands {
				q := &parser{s: piece.Text, line: c.Line, frames: append([]Frame(nil), p.frames...)}
				q.run(depth + 1)
				base := len(p.out)
				for _, n := range q.out[:min(len(q.out), MaxCommands-base)] {
					if n.From >= 0 {
						n.From += base
					}
					p.out = append(p.out, n)
				}
			}
		}
	}
	for _, a := range c.Set {
		each(a.Value)
	}
	for _, w := range c.Words {
		each(w)
	}
}

func assignment(w Word) (a Assignment, ok bool) {
	if w[0].Kind != Literal || w[0].Quoted {
		return a, false
	}
	name, rest, ok := strings.Cut(w[0].Text, "=")
	name = strings.TrimSuffix(name, "+")
	if !ok || name == "" || name[0] >= '0' && name[0] <= '9' {
		return a, false
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return a, false
		}
	}
	a.Name = name
	if rest != "" {
		a.Value = append(a.Value, Piece{Text: rest})
	}
	a.Value = append(a.Value, w[1:]...)
	return a, true
}

// redirect reads > FILE, 2>&1, << END.
func (p *parser) redirect(c *Simple) {
	op := string(p.next())
	for len(op) < 3 && (p.peek() == op[0] || p.peek() == '&' || p.peek() == '|') {
		if b := p.next(); b == op[0] {
			op += string(b)
		}
	}
	tabs := false
	if op == "<<" && p.peek() == '-' {
		p.next()
		tabs = true
	}
	for p.peek() == ' ' || p.peek() == '\t' {
		p.next()
	}
	line := p.line
	w := p.word()
	if c.Line == 0 {
		c.Line = line
	}
	switch op {
	case "<<":
		if len(p.heres) < 10 {
			end := w.String()
			quoted := len(w) > 0 && w[0].Quoted
			c.To = append(c.To, Redirection{Op: "<<"})
			p.heres = append(p.heres, here{command: len(p.out), index: len(c.To) - 1, end: end, tabs: tabs, quoted: quoted})
		}
	case "<<<":
		c.To = append(c.To, Redirection{Op: "<<", Word: w})
	default:
		c.To = append(c.To, Redirection{Op: op[:min(len(op), 2)], Word: w})
	}
}

// readHeres reads the bodies of here-documents, which stand from here on.
func (p *parser) readHeres() {
	for _, h := range p.heres {
		start, stop := p.at, p.at
		for p.at < len(p.s) {
			from := p.at
			for p.at < len(p.s) && p.peek() != '\n' {
				p.next()
			}
			l := p.s[from:p.at]
			if p.at < len(p.s) {
				p.next()
			}
			if h.tabs {
				l = strings.TrimLeft(l, "\t")
			}
			if strings.TrimRight(l, "\r") == h.end {
				break
			}
			stop = p.at
		}
		if h.command < len(p.out) && h.index < len(p.out[h.command].To) {
			body := Word{{Text: p.s[start:stop], Quoted: true}}
			if !h.quoted {
				q := &parser{s: p.s[start:stop], line: 1}
				body = q.pieces(func(byte) bool { return false }, true)
			}
			p.out[h.command].To[h.index].Word = body
		}
	}
	p.heres = nil
}

// word reads a word.
func (p *parser) word() Word {
	return p.pieces(func(c byte) bool {
		return strings.IndexByte(" \t\r\n;&|()<>", c) >= 0
	}, false)
}

// pieces reads up to a byte that stops; quotes are texts where quoted is set, as in
// here-documents and between double quotes.
func (p *parser) pieces(stops func(byte) bool, quoted bool) (w Word) {
	var b strings.Builder
	was := quoted
	flush := func(q bool) {
		if b.Len() > 0 {
			w = append(w, Piece{Text: b.String(), Quoted: q})
			b.Reset()
		}
	}
	for p.at < len(p.s) && !stops(p.peek()) {
		c := p.next()
		switch {
		case c == '\\' && p.at < len(p.s):
			n := p.next()
			switch {
			case n == '\n':
			case quoted && strings.IndexByte("$`\"\\", n) < 0:
				b.WriteByte('\\')
				b.WriteByte(n)
			default:
				b.WriteByte(n)
			}
		case c == '\'' && !quoted:
			flush(was)
			start := p.at
			for p.at < len(p.s) && p.peek() != '\'' {
				p.next()
			}
			w = append(w, Piece{Text: p.s[start:p.at], Quoted: true})
			if p.at < len(p.s) {
				p.next()
			}
		case c == '"' && !quoted:
			flush(was)
			inner := p.pieces(func(c byte) bool { return c == '"' }, true)
			if p.at < len(p.s) {
				p.next()
			}
			for i := range inner {
				inner[i].Quoted = true
			}
			if inner == nil {
				inner = Word{{Quoted: true}}
			}
			w = append(w, inner...)
		case c == '`':
			flush(was)
			start := p.at
			for p.at < len(p.s) && p.peek() != '`' {
				if p.next() == '\\' && p.at < len(p.s) {
					p.next()
				}
			}
			w = append(w, Piece{Kind: Command, Text: p.s[start:p.at], Quoted: quoted})
			if p.at < len(p.s) {
				p.next()
			}
		case c == '$' && p.at < len(p.s):
			n := p.peek()
			switch {
			case n == '(':
				flush(was)
				p.next()
				w = append(w, Piece{Kind: Command, Text: p.parenthesis(), Quoted: quoted})
			case n == '{':
				flush(was)
				p.next()
				start := p.at
				for p.at < len(p.s) && p.peek() != '}' && p.peek() != '\n' {
					p.next()
				}
				body := p.s[start:p.at]
				if p.peek() == '}' {
					p.next()
				}
				w = append(w, variable(body, quoted))
			case isNameByte(n) || strings.IndexByte("@*#?!$-", n) >= 0:
				flush(was)
				start := p.at
				p.next()
				if isNameByte(n) && !(n >= '0' && n <= '9') {
					for p.at < len(p.s) && isNameByte(p.peek()) {
						p.next()
					}
				}
				w = append(w, Piece{Kind: Variable, Text: p.s[start:p.at], Quoted: quoted})
			default:
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	flush(was)
	return w
}

func variable(body string, quoted bool) Piece {
	name := body
	for i := range len(body) {
		if !isNameByte(body[i]) {
			name = body[:i]
			break
		}
	}
	v := Piece{Kind: Variable, Text: name, Quoted: quoted}
	rest := strings.TrimPrefix(body[len(name):], ":")
	switch {
	case strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "="):
		v.Default = strings.Trim(rest[1:], `"'`)
	case rest != "":
		v.Text = body // a part of its value: not followed
	}
	return v
}

// parenthesis reads to the parenthesis that closes, over quotes and pairs.
func (p *parser) parenthesis() string {
	start, depth := p.at, 1
	for p.at < len(p.s) {
		switch c := p.next(); c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return p.s[start : p.at-1]
			}
		case '\\':
			if p.at < len(p.s) {
				p.next()
			}
		case '\'', '"':
			for p.at < len(p.s) && p.peek() != c {
				if p.next() == '\\' && c == '"' && p.at < len(p.s) {
					p.next()
				}
			}
			if p.at < len(p.s) {
				p.next()
			}
		}
	}
	return p.s[start:]
}
