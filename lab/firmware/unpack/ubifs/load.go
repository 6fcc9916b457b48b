package ubifs

import (
	"bytes"
	"cmp"
	"slices"

	"assay/lab/firmware/unpack/inode"
)

// load finds the nodes that count: those of the index, then what the journal says.
func (f *fs) load() error {
	m, ok := f.master()
	if !ok {
		f.Wrong("there is no sound master node; files are made of what nodes there are, also deleted ones")
		return f.search([]span{{to: everything}})
	}
	if le.Uint32(m.b[40:])&dirty != 0 {
		f.Tree.Note("it was in use; its journal is read")
	}
	x := indexReader{fs: f, left: int64(len(f.b))}
	if err := x.read(int64(le.Uint32(m.b[48:])), int64(le.Uint32(m.b[52:])), int64(le.Uint32(m.b[56:])), -1, span{to: everything}); err != nil {
		return err
	}
	if len(x.lost) > 0 {
		if err := f.search(x.lost); err != nil {
			return err
		}
	}
	return f.journal(m)
}

// master finds the newest master node. There are two blocks of them.
func (f *fs) master() (m node, ok bool) {
	for block := int64(masterBlock); block <= masterBlock+1; block++ {
		nodes, _, _ := f.nodes(block, 0)
		for _, n := range nodes {
			if n.kind == masterNode && (!ok || n.sequence > m.sequence) {
				m, ok = n, true
			}
		}
	}
	return m, ok
}

// nodes reads the nodes of a block one behind the other, and says where they end
// if that is not for want of more.
func (f *fs) nodes(block, offset int64) (list []node, broken int64, err error) {
	end := min((block+1)*f.leb, int64(len(f.b)))
	for at := block*f.leb + offset; at+headerSize <= end; {
		if err := f.Budget.Tick(); err != nil {
			return list, -1, err
		}
		if w := le.Uint32(f.b[at:]); w == 1<<32-1 { // nothing was written from here on
			return list, -1, nil
		} else if w == 0xcececece { // bytes of padding, too few for a node
			at += 8
			continue
		}
		n, err := f.read(block, at-block*f.leb)
		if err != nil {
			return list, at, nil
		}
		list = append(list, n)
		at = n.next()
	}
	return list, -1, nil
}

// span is keys of the index: from, and below to.
type span struct{ from, to key }

// everything is behind all keys, since no key is of type 7.
var everything = key{1<<32 - 1, 1<<32 - 1}

func (s span) has(k key) bool { return !k.less(s.from) && k.less(s.to) }

// indexReader goes through the index.
type indexReader struct {
	*fs
	left int64 // bytes of nodes that it may lead to: it leads to each once
	lost []span
}

// read takes a node of the index and what is below; level -1 is the root's, which
// says its own. What cannot be read is a span that is lost.
func (x *indexReader) read(block, offset, size int64, level int, s span) error {
	n, err := x.node(block, offset, size, level)
	if err != nil {
		if !inode.IsDamage(err) {
			return err
		}
		x.Wrong("the index: %v; files are made of what nodes there are, also deleted ones", err)
		x.lost = append(x.lost, s)
		return nil
	}
	count, level := int(le.Uint16(n.b[24:])), int(le.Uint16(n.b[26:]))
	each := (len(n.b) - 28) / max(count, 1) // longer with authentication
	branch := func(i int) []byte { return n.b[28+i*each:] }
	at := func(i int) key { return key{le.Uint32(branch(i)[12:]), le.Uint32(branch(i)[16:])} }
	for i := range count {
		b := branch(i)
		block, offset, size := int64(le.Uint32(b)), int64(le.Uint32(b[4:])), int64(le.Uint32(b[8:]))
		below := span{at(i), s.to}
		if i == 0 {
			below.from = s.from
		}
		if i+1 < count {
			below.to = at(i + 1)
		}
		if level > 0 {
			err = x.read(block, offset, size, level-1, below)
		} else {
			err = x.leaf(block, offset, at(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// once reads a node while there are any that were not read.
func (x *indexReader) once(block, offset int64) (n node, err error) {
	if x.left < 0 {
		return n, inode.Damaged("it leads to more than the image has")
	}
	if err := x.Budget.Tick(); err != nil {
		return n, err
	}
	n, err = x.fs.read(block, offset)
	x.left -= max(headerSize, int64(len(n.b)))
	return n, err
}

func (x *indexReader) node(block, offset, size int64, level int) (node, error) {
	n, err := x.once(block, offset)
	if err != nil {
		return n, err
	}
	count, own := int(le.Uint16(n.b[24:])), int(le.Uint16(n.b[26:]))
	switch {
	case n.kind != indexNode || int64(len(n.b)) != size:
		return n, inode.Damaged("the node at %#x is of type %d, with %d bytes", n.at, n.kind, len(n.b))
	case 28+20*count > len(n.b) || level >= 0 && own != level || own > 32:
		return n, inode.Damaged("the node at %#x has %d branches and is of level %d", n.at, count, own)
	}
	return n, nil
}

// leaf takes the node that a branch leads to.
func (x *indexReader) leaf(block, offset int64, k key) error {
	n, err := x.once(block, offset)
	if err != nil && !inode.IsDamage(err) {
		return err
	}
	if err == nil && (n.kind > xentNode || n.key() != k) {
		err = inode.Damaged("the node at %#x is not what the index says", n.at)
	}
	if err != nil {
		x.Wrong("%s of inode %d: %v", [8]string{"the inode", "content", "a name", "an attribute", "?", "?", "?", "?"}[k.rest>>29], k.inode, err)
		return nil
	}
	return x.apply(n)
}

// search looks for nodes in all of the main area, and takes those whose keys are
// in a span, the older ones first.
func (f *fs) search(spans []span) error {
	var found []node
	for at := f.main * f.leb; at+headerSize <= int64(len(f.b)); {
		if le.Uint32(f.b[at:]) != magic {
			next := bytes.Index(f.b[at+8:], []byte("\x31\x18\x10\x06"))
			if next < 0 {
				break
			}
			at += 8 + int64(next)&^7
			if le.Uint32(f.b[at:]) != magic {
				at += 8 // it stands at no place for a node
				continue
			}
		}
		if err := f.Budget.Tick(); err != nil {
			return err
		}
		n, err := f.read(at/f.leb, at%f.leb)
		if err != nil {
			at += 8
			continue
		}
		at = n.next()
		in := func(s span) bool { return s.has(n.key()) }
		switch {
		case n.kind <= xentNode && slices.ContainsFunc(spans, in):
			found = append(found, n)
		case n.kind == trunNode:
			found = append(found, n)
		}
	}
	return f.replay(found)
}

// journal applies what was written since the last commit: nodes in the blocks that
// the log names.
func (f *fs) journal(m node) error {
	first := int64(le.Uint32(m.b[44:]))
	if first < logBlock || first >= logBlock+f.log {
		f.Wrong("the log is said to begin in block %d", first)
		return nil
	}
	type bud struct{ block, offset int64 }
	var buds []bud
	seen := map[int64]bool{}
	started := uint64(0)
	for i := range f.log {
		block := logBlock + (first-logBlock+i)%f.log
		nodes, broken, err := f.nodes(block, 0)
		if err != nil {
			return err
		}
		if i == 0 && (len(nodes) == 0 || nodes[0].kind != commitNode || le.Uint64(nodes[0].b[24:]) != le.Uint64(m.b[32:])) {
			f.Wrong("the log at %#x does not begin with the commit of the master node", block*f.leb)
			return nil
		}
		if i == 0 {
			started = nodes[0].sequence
		}
		if len(nodes) == 0 || nodes[0].sequence < started { // from an earlier round
			break
		}
		for _, n := range nodes {
			if n.kind != refNode {
				continue
			}
			b := bud{int64(le.Uint32(n.b[24:])), int64(le.Uint32(n.b[28:]))}
			if !seen[b.block] {
				seen[b.block] = true
				buds = append(buds, b)
			}
		}
		f.tail("the log", broken)
	}
	var all []node
	for _, b := range buds {
		if b.block < f.main || b.offset < 0 || b.offset > f.leb || b.block >= f.all {
			f.Wrong("the log names block %d, offset %#x", b.block, b.offset)
			continue
		}
		nodes, broken, err := f.nodes(b.block, b.offset)
		if err != nil {
			return err
		}
		f.tail("the journal", broken)
		// Nodes of a group count together or not at all.
		for len(nodes) > 0 && nodes[len(nodes)-1].group == 1 {
			nodes = nodes[:len(nodes)-1]
		}
		all = append(all, nodes...)
	}
	return f.replay(all)
}

// tail judges what follows the last node of a block: a write that a loss of power
// broke off has nothing behind it.
func (f *fs) tail(where string, broken int64) {
	if broken < 0 {
		return
	}
	const write = 32 << 10 // bytes at once, at most
	end := min((broken/f.leb+1)*f.leb, int64(len(f.b)))
	rest := f.b[min(broken+write, end):end]
	if len(bytes.TrimLeft(rest, "\xff")) == 0 && broken+write < end {
		f.Tree.Note("%s: the last write at %#x was broken off", where, broken)
		return
	}
	f.Wrong("%s: there is no node at %#x", where, broken)
}

// replay applies nodes in the order in which they were written.
func (f *fs) replay(nodes []node) error {
	slices.SortStableFunc(nodes, func(a, b node) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, n := range nodes {
		if err := f.apply(n); err != nil {
			return err
		}
	}
	return nil
}

// inode is the file of a number, which counts as a node.
func (f *fs) inode(number uint32) (*file, error) {
	i := f.files[number]
	if i != nil {
		return i, nil
	}
	if err := f.Budget.Node(); err != nil {
		return nil, err
	}
	i = &file{blocks: map[uint32]node{}}
	f.files[number] = i
	return i, nil
}

// apply takes over what one node says.
func (f *fs) apply(n node) error {
	if err := f.Budget.Tick(); err != nil {
		return err
	}
	switch n.kind {
	case inoNode:
		number := n.key().inode
		if le.Uint32(n.b[92:]) == 0 { // no link leads to it any more
			delete(f.files, number)
			delete(f.dirs, number)
			return nil
		}
		if le.Uint32(n.b[108:])&xattrInode != 0 {
			return nil
		}
		i, err := f.inode(number)
		if err == nil {
			i.node = n
		}
		return err
	case dataNode:
		i, err := f.inode(n.key().inode)
		if err == nil {
			i.blocks[n.key().number()] = n
		}
		return err
	case dentNode:
		return f.dent(n)
	case trunNode:
		if i := f.files[le.Uint32(n.b[24:])]; i != nil {
			kept := (le.Uint64(n.b[48:]) + blockSize - 1) / blockSize
			for number := range i.blocks {
				if uint64(number) >= kept {
					delete(i.blocks, number)
				}
			}
		}
	}
	return nil
}

// dent takes a name. One of inode 0 was deleted.
func (f *fs) dent(n node) error {
	size := int(le.Uint16(n.b[50:]))
	if 56+size > len(n.b) {
		f.Wrong("the name in the node at %#x has %d bytes", n.at, size)
		return nil
	}
	dir, name, number := n.key().inode, string(n.b[56:56+size]), le.Uint64(n.b[40:])
	if number == 0 {
		delete(f.dirs[dir], name)
		return nil
	}
	if number > 1<<32-1 {
		f.Wrong("the name in the node at %#x is of an inode %d", n.at, number)
		return nil
	}
	if f.dirs[dir] == nil {
		f.dirs[dir] = map[string]uint64{}
	}
	if _, ok := f.dirs[dir][name]; !ok {
		if err := f.Budget.Node(); err != nil {
			return err
		}
	}
	f.dirs[dir][name] = number
	return nil
}
