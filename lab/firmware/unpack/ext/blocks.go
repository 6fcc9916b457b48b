package ext

import (
	"assay/lab/firmware/unpack/inode"
)

// run is blocks of a file that stand one behind the other.
type run struct{ logical, physical, count uint64 }

// blockMap is where the content of a file stands, in order, and how many blocks it
// has with those that were never written; what is in no run is zeros. left is how many blocks of maps may be read, of which many files have
// their share; nil: as many as the image has.
func (f fs) blockMap(n *node, left *uint64) (runs []run, blocks uint64, err error) {
	m := mapper{fs: f, last: uint64((n.size + f.block - 1) / f.block), present: uint64(int64(len(f.b)) / f.block)}
	if m.left = left; left == nil {
		own := m.present
		m.left = &own
	}
	if n.flags&flagExtents != 0 {
		err = m.extents(n.body(), -1)
	} else {
		err = m.pointers(n.body())
	}
	return m.runs, m.sum, err
}

type mapper struct {
	fs
	last uint64 // blocks that the size has room for
	runs []run
	next uint64 // logical block that is not before any run

	present uint64 // blocks that the image has
	sum     uint64 // blocks of the file
	left    *uint64
}

// add takes a run. It comes behind those that there are, so maps cannot overlap.
func (m *mapper) add(r run) error {
	switch {
	case r.logical < m.next:
		return inode.Damaged("blocks from %d on are given twice", r.logical)
	case r.physical == 0 || r.physical >= m.present || r.count > m.present-r.physical:
		return inode.Damaged("%d blocks from %d on, and the image has %d", r.count, r.physical, m.present)
	}
	if err := m.count(r.count); err != nil {
		return err
	}
	if m.next = r.logical + r.count; r.logical >= m.last {
		return nil // allocated in advance
	}
	if k := len(m.runs) - 1; k >= 0 {
		if l := &m.runs[k]; l.logical+l.count == r.logical && l.physical+l.count == r.physical {
			l.count += r.count
			return nil
		}
	}
	m.runs = append(m.runs, r)
	return m.Budget.Tick()
}

// count takes blocks that the file has. All of them are its own.
func (m *mapper) count(blocks uint64) error {
	if m.sum += blocks; m.sum > m.present {
		return inode.Damaged("more than the %d blocks of the image", m.present)
	}
	return nil
}

// at is a block of the map.
func (m *mapper) at(block uint64) ([]byte, error) {
	if *m.left == 0 {
		return nil, inode.Damaged("maps of blocks that are longer than the image")
	}
	*m.left--
	if err := m.Budget.Tick(); err != nil {
		return nil, err
	}
	if block >= m.present {
		return nil, inode.Damaged("the map of its blocks goes on at block %d, and the image has %d", block, m.present)
	}
	return m.bytes(int64(block)*m.block, m.block)
}

// extents reads a node of the tree of extents; depth is what the one above says.
func (m *mapper) extents(b []byte, depth int) error {
	entries, level := int(le.Uint16(b[2:])), int(le.Uint16(b[6:]))
	if le.Uint16(b) != 0xf30a || 12+12*entries > len(b) || level > 5 || depth >= 0 && level != depth {
		return inode.Damaged("its extents are none: magic %#x, %d entries, depth %d", le.Uint16(b), entries, level)
	}
	for i := range entries {
		e := b[12+12*i:]
		if level == 0 {
			count := uint64(le.Uint16(e[4:]))
			if count > 1<<15 { // allocated and not written: zeros
				count -= 1 << 15
				m.next = max(m.next, uint64(le.Uint32(e))+count)
				if err := m.count(count); err != nil {
					return err
				}
				continue
			}
			if err := m.add(run{uint64(le.Uint32(e)), uint64(le.Uint16(e[6:]))<<32 | uint64(le.Uint32(e[8:])), count}); err != nil {
				return err
			}
			continue
		}
		child, err := m.at(uint64(le.Uint16(e[8:]))<<32 | uint64(le.Uint32(e[4:])))
		if err != nil {
			return err
		}
		if err := m.extents(child, level-1); err != nil {
			return err
		}
	}
	return nil
}

// pointers reads the older map: 12 blocks, and one of each level of pointers to
// pointers.
func (m *mapper) pointers(b []byte) error {
	logical := uint64(0)
	for i := range 15 {
		if err := m.pointer(uint64(le.Uint32(b[4*i:])), max(0, i-11), &logical); err != nil {
			return err
		}
	}
	return nil
}

// pointer adds what a pointer of a level leads to, from a logical block on.
func (m *mapper) pointer(p uint64, level int, logical *uint64) error {
	if *logical >= m.last {
		return nil
	}
	if p == 0 {
		hole := uint64(1)
		for range level {
			hole *= uint64(m.block) / 4
		}
		*logical += hole
		return nil
	}
	if level == 0 {
		*logical++
		return m.add(run{*logical - 1, p, 1})
	}
	b, err := m.at(p)
	if err != nil {
		return err
	}
	for i := 0; i < len(b); i += 4 {
		if err := m.pointer(uint64(le.Uint32(b[i:])), level-1, logical); err != nil {
			return err
		}
	}
	return nil
}
