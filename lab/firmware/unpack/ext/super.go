package ext

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"strings"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/inode"
)

// Features that change how the structures are read (kernel documentation,
// Documentation/filesystems/ext4/super.rst). Those that are in no list here are
// damage: what is read without knowing them may be something else.
const (
	compatJournal      = 0x4
	compatSparseSuper2 = 0x200

	incompatFiletype   = 0x2
	incompatRecover    = 0x4
	incompatJournalDev = 0x8
	incompatMetaBG     = 0x10
	incompatExtents    = 0x40
	incompat64Bit      = 0x80
	incompatMMP        = 0x100
	incompatFlexBG     = 0x200
	incompatEAInode    = 0x400
	incompatCsumSeed   = 0x2000
	incompatLargeDir   = 0x4000
	incompatInline     = 0x8000
	incompatEncrypt    = 0x10000
	incompatCasefold   = 0x20000
	incompatKnown      = incompatFiletype | incompatRecover | incompatMetaBG | incompatExtents | incompat64Bit | incompatMMP |
		incompatFlexBG | incompatEAInode | incompatCsumSeed | incompatLargeDir | incompatInline | incompatEncrypt | incompatCasefold

	roCompatSparseSuper  = 0x1
	roCompatGDTCsum      = 0x10
	roCompatBigalloc     = 0x200
	roCompatMetadataCsum = 0x400
	roCompatVerity       = 0x8000
)

const (
	superAt    = 1024
	superSize  = 1024
	superMagic = "\x53\xef" // at superAt+56
	dynamicRev = 1
	rootInode  = 2
)

// super is what is needed of the superblock.
type super struct {
	inodes, blocks       uint64
	firstData            uint64 // block that group 0 begins with
	block                int64  // bytes of one
	perGroup             uint64 // blocks
	inodesPerGroup       uint64
	inodeSize            int64
	descSize             int64
	firstMetaBG          uint64
	compat, incompat, ro uint32
	backups              [2]uint64 // groups, with sparse_super2
	seed                 uint32    // of checksums
	name, version        string
}

var le = binary.LittleEndian

// castagnoli is the CRC of the metadata, without the inversion at both ends.
func castagnoli(crc uint32, b []byte) uint32 {
	return ^crc32.Update(^crc, crc32.MakeTable(crc32.Castagnoli), b)
}

// readSuper takes the superblock if it can be one: two bytes of a magic
// stand in many places.
func readSuper(b []byte) (s super, err error) {
	if len(b) < superAt+superSize || string(b[superAt+56:superAt+58]) != superMagic {
		return s, image.ErrNot
	}
	sb := b[superAt : superAt+superSize]
	logBlock := le.Uint32(sb[24:])
	if logBlock > 6 || le.Uint16(sb[90:]) != 0 { // blocks of more than 64 KiB; a copy of a later group
		return s, image.ErrNot
	}
	s = super{
		inodes: uint64(le.Uint32(sb)), blocks: uint64(le.Uint32(sb[4:])), firstData: uint64(le.Uint32(sb[20:])), block: 1024 << logBlock,
		perGroup: uint64(le.Uint32(sb[32:])), inodesPerGroup: uint64(le.Uint32(sb[40:])), inodeSize: 128, descSize: 32,
		firstMetaBG: uint64(le.Uint32(sb[260:])), version: "ext2",
	}
	if rev := le.Uint32(sb[76:]); rev >= dynamicRev {
		s.inodeSize = int64(le.Uint16(sb[88:]))
		s.compat, s.incompat, s.ro = le.Uint32(sb[92:]), le.Uint32(sb[96:]), le.Uint32(sb[100:])
		s.name = string(bytes.TrimRight(sb[120:136], "\x00"))
	}
	if s.incompat&incompat64Bit != 0 {
		s.blocks |= uint64(le.Uint32(sb[336:])) << 32
		s.descSize = int64(le.Uint16(sb[254:]))
	}
	s.backups = [2]uint64{uint64(le.Uint32(sb[0x24c:])), uint64(le.Uint32(sb[0x250:]))}
	if s.incompat&incompatJournalDev != 0 || !s.possible() {
		return s, image.ErrNot
	}
	switch {
	case s.incompat&^uint32(incompatFiletype|incompatRecover|incompatMetaBG) != 0 || s.ro&^7 != 0:
		s.version = "ext4"
	case s.compat&compatJournal != 0:
		s.version = "ext3"
	}
	if s.incompat&incompatCsumSeed != 0 {
		s.seed = le.Uint32(sb[0x270:])
	} else {
		s.seed = castagnoli(^uint32(0), sb[104:120])
	}
	if s.ro&roCompatMetadataCsum != 0 && castagnoli(^uint32(0), sb[:1020]) != le.Uint32(sb[1020:]) {
		err = inode.Damaged("the checksum of the superblock is wrong")
	}
	return s, err
}

// possible holds the numbers against each other.
func (s *super) possible() bool {
	switch {
	case s.blocks == 0 || s.perGroup == 0 || s.inodesPerGroup == 0 || s.inodes == 0:
	case s.blocks > 1<<48 || s.firstData >= s.blocks:
	case s.firstData > 1 || s.firstData == 1 && s.block != 1024:
	case s.perGroup > uint64(s.block)*8 && (s.ro&roCompatBigalloc == 0 || s.perGroup > uint64(s.block)*8<<16) || s.inodesPerGroup > uint64(s.block)*8:
	case s.inodeSize < 128 || s.inodeSize > s.block || bits.OnesCount64(uint64(s.inodeSize)) != 1:
	case s.descSize < 32 || s.descSize > s.block || bits.OnesCount64(uint64(s.descSize)) != 1:
	default:
		return s.groups()*s.inodesPerGroup == s.inodes
	}
	return false
}

func (s *super) groups() uint64 { return (s.blocks - s.firstData + s.perGroup - 1) / s.perGroup }

// features names the known features for people.
func (s *super) features() string {
	var names []string
	for _, f := range []struct {
		set  bool
		name string
	}{
		{s.compat&compatJournal != 0, "journal"}, {s.incompat&incompatExtents != 0, "extents"}, {s.incompat&incompat64Bit != 0, "64bit"},
		{s.incompat&incompatFlexBG != 0, "flex_bg"}, {s.incompat&incompatMetaBG != 0, "meta_bg"},
		{s.incompat&incompatInline != 0, "inline_data"}, {s.incompat&incompatEncrypt != 0, "encrypt"},
		{s.ro&roCompatVerity != 0, "verity"}, {s.ro&roCompatGDTCsum != 0, "uninit_bg"}, {s.ro&roCompatMetadataCsum != 0, "metadata_csum"},
		{s.ro&roCompatBigalloc != 0, "bigalloc"},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, " ")
}

// hasSuper tells whether a group begins with a copy of the superblock and of the
// descriptors.
func (s *super) hasSuper(group uint64) bool {
	switch {
	case group == 0:
		return true
	case s.compat&compatSparseSuper2 != 0:
		return group == s.backups[0] || group == s.backups[1]
	case s.ro&roCompatSparseSuper == 0 || group == 1:
		return true
	}
	for _, base := range []uint64{3, 5, 7} {
		n := base
		for n < group {
			n *= base
		}
		if n == group {
			return true
		}
	}
	return false
}

// descriptor finds where a group's descriptor stands.
func (s *super) descriptor(group uint64) (at int64) {
	perBlock := uint64(s.block / s.descSize)
	block := group / perBlock
	within := int64(group%perBlock) * s.descSize
	if s.incompat&incompatMetaBG == 0 || block < s.firstMetaBG {
		return int64(superAt/uint64(s.block)+1+block)*s.block + within // behind the superblock's block
	}
	first := block * perBlock // group of this block of descriptors
	at = int64(s.firstData+first*s.perGroup) * s.block
	if s.hasSuper(first) {
		at += s.block
	}
	if first == 0 && s.block == superAt && s.firstData == 0 {
		at += s.block // of the boot sector
	}
	return at + within
}

func (s *super) describe(p *image.Part) {
	p.Detail("version", "%s", s.version)
	p.Detail("block", "%d", s.block)
	if f := s.features(); f != "" {
		p.Detail("features", "%s", f)
	}
	if s.name != "" {
		p.Detail("name", "%s", strings.ToValidUTF8(s.name, "?"))
	}
}

// doubts are what the superblock says that a reader has to know.
func (s *super) doubts(sb []byte) (notes, wrong []string) {
	if s.incompat&incompatRecover != 0 {
		notes = append(notes, "it was in use: its journal has changes that are not read")
	}
	if le.Uint16(sb[58:])&2 != 0 {
		notes = append(notes, "it says that it has errors")
	}
	if n := s.incompat &^ uint32(incompatKnown); n != 0 {
		wrong = append(wrong, fmt.Sprintf("incompatible features %#x that nobody here knows", n))
	}
	return notes, wrong
}
