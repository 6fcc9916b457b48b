package statement

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The one encoder and the one decoder. Both are made once and are safe for
// concurrent use.
var (
	encoder = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		NaNConvert:    cbor.NaNConvertReject,
		InfConvert:    cbor.InfConvertReject,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
	}.EncMode())
	decoder = must(cbor.DecOptions{
		DupMapKey:          cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:    maxDepth,
		MaxArrayElements:   MaxSize,
		MaxMapPairs:        MaxSize,
		IndefLength:        cbor.IndefLengthForbidden,
		TagsMd:             cbor.TagsForbidden,
		ExtraReturnErrors:  cbor.ExtraDecErrorUnknownField,
		FieldNameMatching:  cbor.FieldNameMatchingCaseSensitive,
		ByteStringToString: cbor.ByteStringToStringForbidden,
	}.DecMode())
)

// must is for options that are constants of this file.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode gives the deterministic CBOR of a payload (RFC 8949 §4.2.1). Empty and
// nil slices are the same. A value with floats, tags, or text that is not
// NUL-free UTF-8 is refused here, so that what an office signs can be read.
func Encode(v any) ([]byte, error) {
	b, err := encoder.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("statement: encoding %T: %w", v, err)
	}
	if err := canonical(b); err != nil {
		return nil, fmt.Errorf("statement: encoding %T: %w", v, err)
	}
	return b, nil
}

// Decode reads a payload that is at most [MaxSize] bytes of deterministic
// CBOR into v, a pointer. A key that v has no field for is refused: what a
// reader would drop could change the meaning. So is a payload without a key
// that v needs (one not marked omitempty) or with null for it: absent is not
// zero. Errors wrap [ErrTooLarge], [ErrMalformed] or [ErrNotCanonical].
func Decode(b []byte, v any) error {
	if len(b) > MaxSize {
		return fmt.Errorf("statement: payload: %w: %d bytes, at most %d", ErrTooLarge, len(b), MaxSize)
	}
	if err := canonical(b); err != nil {
		return fmt.Errorf("statement: payload: %w", err)
	}
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("statement: payload for %T: %w: %w", v, ErrMalformed, err)
	}
	again, err := encoder.Marshal(v)
	if err != nil {
		return fmt.Errorf("statement: payload for %T: %w: %w", v, ErrMalformed, err)
	}
	if !bytes.Equal(again, b) {
		return fmt.Errorf("statement: payload for %T: %w: a key is missing, or has null or an empty value that is left out", v, ErrMalformed)
	}
	return nil
}

// Read is [Decode] for bytes that came out of it before: an office's own
// database. It proves nothing about their form, and is several times faster.
func Read(b []byte, v any) error {
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("statement: payload for %T: %w: %w", v, ErrMalformed, err)
	}
	return nil
}
