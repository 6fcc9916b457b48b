package unpack

import (
	"slices"

	"assay/lab/firmware/image"
	"assay/lab/firmware/unpack/archive"
	"assay/lab/firmware/unpack/compress"
	"assay/lab/firmware/unpack/cramfs"
	"assay/lab/firmware/unpack/disk"
	"assay/lab/firmware/unpack/ext"
	"assay/lab/firmware/unpack/fat"
	"assay/lab/firmware/unpack/jffs2"
	"assay/lab/firmware/unpack/kernel"
	"assay/lab/firmware/unpack/romfs"
	"assay/lab/firmware/unpack/squashfs"
	"assay/lab/firmware/unpack/ubi"
	"assay/lab/firmware/unpack/ubifs"
	"assay/lab/firmware/unpack/wrapper"
)

// Formats are all readers. Where two of them say that they understood the same
// bytes, the one that takes more of them wins, then the first here.
func Formats() []image.Format {
	return slices.Concat(
		[]image.Format{}, // one line for each package of readers
		archive.Formats,
		compress.Formats,
		cramfs.Formats,
		disk.Formats,
		ext.Formats,
		fat.Formats,
		jffs2.Formats,
		kernel.Formats,
		romfs.Formats,
		squashfs.Formats,
		ubi.Formats,
		ubifs.Formats,
		wrapper.Formats,
	)
}
