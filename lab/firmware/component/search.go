package component

// machine finds many words in one pass over the bytes (Aho and Corasick, Efficient
// string matching, 1975), as a table of states by classes of bytes.
type machine struct {
	class   [256]uint8 // of a byte; 0: in no word
	classes int
	next    []uint16  // state × classes
	lengths []int     // of the words
	found   [][]int32 // words that end in a state
}

// maxStates is what a state's number has room for.
const maxStates = 1 << 16

func newMachine(words []string) *machine {
	m := &machine{classes: 1}
	for _, w := range words {
		for _, c := range []byte(w) {
			if m.class[c] == 0 {
				if m.classes > 255 {
					panic("words of all bytes") // rules are text
				}
				m.class[c] = uint8(m.classes)
				m.classes++
			}
		}
	}
	m.state()
	for i, w := range words {
		at := 0
		for _, c := range []byte(w) {
			k := at*m.classes + int(m.class[c])
			if m.next[k] == 0 {
				m.next[k] = m.state()
			}
			at = int(m.next[k])
		}
		m.found[at] = append(m.found[at], int32(i))
		m.lengths = append(m.lengths, len(w))
	}
	m.link()
	return m
}

func (m *machine) state() uint16 {
	n := len(m.found)
	if n == maxStates {
		panic("more words than the machine has room for")
	}
	m.found = append(m.found, nil)
	m.next = append(m.next, make([]uint16, m.classes)...)
	return uint16(n)
}

// link fills in where to go on when a word breaks off: breadth first, so that the
// shorter states are complete before the longer ones ask them.
func (m *machine) link() {
	back := make([]uint16, len(m.found))
	var queue []int
	for c := range m.classes {
		if n := m.next[c]; n != 0 {
			queue = append(queue, int(n))
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		b := int(back[s])
		m.found[s] = append(m.found[s], m.found[b]...)
		for c := range m.classes {
			k := s*m.classes + c
			follow := m.next[b*m.classes+c]
			if n := m.next[k]; n != 0 {
				back[n] = follow
				queue = append(queue, int(n))
			} else {
				m.next[k] = follow
			}
		}
	}
}

// length is a word's, in bytes.
func (m *machine) length(word int) int { return m.lengths[word] }

// each calls f for every word with the offset behind its end, in the order of
// ends. f returns false to end it.
func (m *machine) each(b []byte, f func(word int, end int) bool) {
	state, classes := 0, m.classes
	for i, c := range b {
		state = int(m.next[state*classes+int(m.class[c])])
		if len(m.found[state]) == 0 {
			continue
		}
		for _, w := range m.found[state] {
			if !f(int(w), i+1) {
				return
			}
		}
	}
}
