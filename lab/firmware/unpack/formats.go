package unpack

import (
	"slices"

	"assay/lab/firmware/image"
)

// Formats are all readers. Where two of them say that they understood the same
// bytes, the one that takes more of them wins, then the first here.
func Formats() []image.Format {
	return slices.Concat(
		[]image.Format{}, // one line for each package of readers
	)
}
