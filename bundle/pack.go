package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
)

// Pack writes the bundle in a folder to a new zip file: the same files give
// the same bytes, whichever program and version packed them. So nothing is
// compressed and no times are kept. An existing file is [ErrExists]; the
// new one is there complete and durable, or not at all.
func Pack(ctx context.Context, dir, file string) error {
	b, err := OpenContext(ctx, dir)
	if err != nil {
		return err
	}
	if err := b.whole(); err != nil {
		return err
	}
	if _, is := b.from.(folder); !is {
		return fmt.Errorf("%w: %s is a zip already", ErrNoBundle, dir)
	}
	return newFile(file, func(f *os.File) error { return b.pack(ctx, f) })
}

// pack writes artifacts first, which stand first in the order of paths too.
func (b *Bundle) pack(ctx context.Context, w io.Writer) error {
	z := zip.NewWriter(w)
	add := func(p string, size int64, crc uint32, r io.Reader) error {
		e, err := z.CreateRaw(&zip.FileHeader{
			Name: p, Method: zip.Store, CRC32: crc, CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
		})
		if err != nil {
			return err
		}
		_, err = io.Copy(e, r)
		return err
	}
	err := b.copyArtifacts(ctx, func(a *Artifact, r io.Reader) error { return add(a.Path, a.Size, a.crc, r) })
	if err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(b.files)) {
		text := b.files[p]
		if err := add(p, int64(len(text)), crc32.ChecksumIEEE(text), bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return z.Close()
}

// Unpack makes a new folder of a zip, or of a single file of evidence, which
// has no artifacts. It refuses what [Open] refuses, and leaves nothing half.
func Unpack(ctx context.Context, file, dir string) error {
	b, err := OpenContext(ctx, file)
	if err != nil {
		return err
	}
	if b.flat != "" {
		if b, err = Split(b.Evidence); err != nil {
			return err
		}
	}
	return b.SaveContext(ctx, dir)
}
