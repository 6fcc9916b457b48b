package squashfs

import (
	"testing"

	"assay/lab/firmware/image"
)

// ShortHeaders is an image of version 4 whose LZMA has headers of 5 bytes, as
// makers of routers pack it: with or without end markers.
func ShortHeaders(t testing.TB, tree *image.Tree, markers bool) []byte {
	const usual = "\x5d\x00\x00\x80\x00"
	w := writer{major: 4, compression: 2, block: 131072}
	w.pack = func(b []byte) []byte {
		if markers {
			return lzma(t, b, 3, 0, 2, usual)
		}
		return append([]byte(usual), literals(b, 3, 0, 2)...)
	}
	return w.image(t, tree)
}
