package statement

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// maxDepth bounds the nesting of arrays and maps.
const maxDepth = 16

// canonical checks that b is exactly one CBOR item in the form that core
// deterministic encoding gives it (RFC 8949 §4.2.1): definite lengths, shortest heads,
// map keys in ascending byte order and therefore never twice. It also refuses
// what no statement needs: tags, floats, undefined, text that is not UTF-8 or
// has a NUL (PostgreSQL cannot keep one), and nesting beyond maxDepth.
//
// It reads each byte once and allocates nothing, whatever lengths b claims.
func canonical(b []byte) error {
	n, err := item(b, 0, 0)
	if err != nil {
		return err
	}
	if n != len(b) {
		return fmt.Errorf("%w: %d bytes after the end, at byte %d", ErrMalformed, len(b)-n, n)
	}
	return nil
}

// CBOR major types (RFC 8949 §3.1).
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// item checks the item at offset at and returns the offset after it.
func item(b []byte, at, depth int) (int, error) {
	major, arg, next, err := head(b, at)
	if err != nil {
		return 0, err
	}
	if depth > maxDepth {
		return 0, fmt.Errorf("%w: nested more than %d deep, at byte %d", ErrMalformed, maxDepth, at)
	}
	switch major {
	case majorUint, majorNegative, majorSimple:
		return next, nil
	case majorBytes, majorText:
		if arg > uint64(len(b)-next) {
			return 0, fmt.Errorf("%w: string of %d bytes at byte %d, %d are left", ErrMalformed, arg, at, len(b)-next)
		}
		s := b[next : next+int(arg)]
		if major == majorText && (!utf8.Valid(s) || bytes.IndexByte(s, 0) >= 0) {
			return 0, fmt.Errorf("%w: text at byte %d is not UTF-8 or has a NUL", ErrMalformed, at)
		}
		return next + int(arg), nil
	}
	// Every element takes at least a byte, so a claimed count that does not fit is found by running out of input.
	var last []byte
	for ; arg > 0; arg-- {
		start := next
		if next, err = item(b, next, depth+1); err != nil {
			return 0, err
		}
		if major != majorMap {
			continue
		}
		key := b[start:next]
		if bytes.Compare(last, key) >= 0 {
			return 0, fmt.Errorf("%w: map key at byte %d is out of order or there twice", ErrNotCanonical, start)
		}
		last = key
		if next, err = item(b, next, depth+1); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// head reads the initial byte and its argument.
func head(b []byte, at int) (major int, arg uint64, next int, err error) {
	if at >= len(b) {
		return 0, 0, 0, fmt.Errorf("%w: ends at byte %d in the middle of an item", ErrMalformed, at)
	}
	major, info, next := int(b[at]>>5), b[at]&31, at+1
	size := 0
	switch {
	case major == majorTag, info > 27, major == majorSimple && (info < 20 || info > 22):
		return 0, 0, 0, fmt.Errorf("%w: type %#02x is not allowed, at byte %d", ErrMalformed, b[at], at)
	case info < 24:
		return major, uint64(info), next, nil
	default:
		size = 1 << (info - 24)
	}
	if len(b)-next < size {
		return 0, 0, 0, fmt.Errorf("%w: ends in the middle of the head at byte %d", ErrMalformed, at)
	}
	var wide [8]byte
	copy(wide[8-size:], b[next:next+size])
	arg = binary.BigEndian.Uint64(wide[:])
	// The least value that needs this size: 24, 2⁸, 2¹⁶, 2³².
	least := [...]uint64{1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[size]
	if arg < least {
		return 0, 0, 0, fmt.Errorf("%w: %d at byte %d is not in its shortest form", ErrNotCanonical, arg, at)
	}
	return major, arg, next + size, nil
}
