package shell

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// told is a script with one line for each command: line, frames, words.
func told(script string) (all []string) {
	var e Env
	for _, c := range Parse([]byte(script)) {
		var within, words []string
		for _, f := range c.Within {
			if f.Kind != "{" {
				within = append(within, f.Kind+":"+f.Text)
			}
		}
		for _, w := range c.Words {
			s, _ := e.Expand(w)
			words = append(words, s)
		}
		e.Run(&c)
		s := fmt.Sprintf("%d", c.Line)
		if len(within) > 0 {
			s += " [" + strings.Join(within, ",") + "]"
		}
		for _, a := range c.Set {
			s += " " + a.Name + "=" + a.Value.String()
		}
		s += " " + strings.Join(words, "_")
		if c.From >= 0 {
			s += fmt.Sprintf(" <%d", c.From)
		}
		for _, r := range c.To {
			v, _ := e.Expand(r.Word)
			s += " " + r.Op + v
		}
		if c.Back {
			s += " &"
		}
		all = append(all, s+c.After)
	}
	return all
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"pipe":     {"echo root:pw | chpasswd # set it\n", []string{"1 echo_root:pw", "1 chpasswd <0"}},
		"quotes":   {"a 'b  $c' \"d $e\" f\\ g \\\n  h\n", []string{"1 a_b  $c_d ${e}_f g_h"}},
		"variable": {"PROG=/usr/sbin/x\n$PROG -p ${PORT:-23} &\n", []string{"1 PROG=/usr/sbin/x ", "2 /usr/sbin/x_-p_23 &"}},
		"if": {"if [ \"$a\" = 1 ]; then\n telnetd\nelse\n false\nfi\nlast\n",
			[]string{"1 [if:] [_${a}_=_1_]", `2 [if:[ ${a} = 1 ]] telnetd`, `4 [else:[ ${a} = 1 ]] false`, "6 last"}},
		"case": {"case \"$1\" in\n start|boot)\n  run me\n  ;;\n stop) kill it;;\nesac\nafter\n",
			[]string{"3 [case:start|boot] run_me", "5 [case:stop] kill_it", "7 after"}},
		"function":      {"start() {\n if x; then y; fi\n}\nstop()\n{\n z\n}\nw\n", []string{"2 [function:start,if:] x", "2 [function:start,if:x] y", "6 [function:stop] z", "8 w"}},
		"here":          {"cat >/etc/x <<EOF\nroot::0\n$a b\nEOF\nnext\n", []string{"1 cat >/etc/x <<root::0\n${a} b\n", "5 next"}},
		"loop":          {"for i in /etc/init0.d/S??* ;do\n $i\ndone\nfree\n", []string{"1 [for:] for_i_in_/etc/init0.d/S??*", "2 [for:] ${i}", "4 free"}},
		"substitution":  {"x=`curl -k http://a/b`\n", []string{"1 x=$(curl -k http://a/b) ", "1 curl_-k_http://a/b"}},
		"and":           {"[ -x /bin/a ] && a -b || c\n", []string{"1 [_-x_/bin/a_]", "1 a_-b&&", "1 c||"}},
		"redirect":      {"a >/dev/null 2>&1 &\n", []string{"1 a >/dev/null >1 &"}},
		"descriptor":    {"passwd root 2>/dev/null\necho 2 >x \"2\">y 12>z\n", []string{"1 passwd_root >/dev/null", "2 echo_2_2_12 >x >y >z"}},
		"pipe of group": {"(echo a; sleep 1; echo a) | passwd\n{ echo b; echo b; } | passwd\n(c)\nd | e\n(f) ; g | h\n", []string{"1 echo_a", "1 sleep_1", "1 echo_a", "1 passwd <0", "2 echo_b", "2 echo_b", "2 passwd <4", "3 c", "4 d", "4 e <8", "5 f", "5 g", "5 h <11"}},
		"group":         {"[ x ] && {\n a\n}\nb\n", []string{"1 [_x_]", "2 a", "4 b"}},
	} {
		if got := told(c.script); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
		}
	}
}

func TestEnv(t *testing.T) {
	e := Env{Read: func(p string) (string, bool) { return "wrgn80_trendnet_tew733gr\n", p == "/etc/config/image_sign" }}
	for _, c := range Parse([]byte("sign=`cat /etc/config/image_sign`\nlocal both=\"a:$sign\"\nopts=\"-l /bin/sh\"\nlost=$(date)\n")) {
		e.Run(&c)
	}
	if v, _ := e.Get("both"); v != "a:wrgn80_trendnet_tew733gr" {
		t.Errorf("%q", v)
	}
	c := Parse([]byte(`telnetd $opts -u "$both" $lost "$opts"`))[0]
	if got := e.Arguments(&c); !slices.Equal(got, []string{"-l", "/bin/sh", "-u", "a:wrgn80_trendnet_tew733gr", "${lost}", "-l /bin/sh"}) {
		t.Errorf("%q", got)
	}
}

func TestIsScript(t *testing.T) {
	for _, c := range []struct {
		p, s string
		want bool
	}{{"/x", "#!/bin/sh\n", true}, {"/x", "#!/usr/bin/env bash", true}, {"/x", "#!/usr/bin/python3\n", false}, {"/etc/init.d/S50telnet", "telnetd\n", true}, {"/x", "", false}} {
		if IsScript(c.p, []byte(c.s)) != c.want {
			t.Errorf("%q %q", c.p, c.s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"case x in a|b) c;; esac", "if x; then y; else z; fi", "cat <<E\nx\nE\n", "a() { b; }", "$($($(x)))", "`", "\"${", "((((", "}}}", "case a in", "<<", "for i in 1; do x; done"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var e Env
		for _, c := range Parse([]byte(s)) {
			if c.Line < 1 || c.Line > 1+strings.Count(s, "\n") {
				t.Errorf("line %d of %q", c.Line, s)
			}
			e.Run(&c)
			e.Arguments(&c)
		}
	})
}
