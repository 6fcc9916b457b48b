package secret

// The DES-based crypt of UNIX and its extension by BSDi, with DES after FIPS
// 46-3. The salt exchanges bits of the expanded half with those 24 places away,
// which is why the standard library's DES does not do.

// Tables of FIPS 46-3; bits are numbered from 1, the most significant first.
var (
	desIP = [64]byte{
		58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
		57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
	}
	desP   = [32]byte{16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25}
	desPC1 = [56]byte{
		57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
		63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
	}
	desPC2 = [48]byte{
		14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
		41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
	}
	desShifts = [16]byte{1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1}
	desS      = [8]string{ // four rows of 16 each, as hexadecimal digits
		"e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
		"f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
		"a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
		"7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
		"2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
		"c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
		"4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
		"d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
	}

	desSP     [8][64]uint32  // substitution and permutation at once
	desExpand [4][256]uint64 // expansion of each byte of the right half to its bits of 48
	desFinal  [64]byte       // the inverse of the first permutation
)

func init() {
	for i, s := range desS {
		for x := range 64 {
			row, column := x>>4&2|x&1, x>>1&15
			v := uint32(hexDigit(s[row*16+column])) << (28 - 4*i)
			for to, from := range desP {
				desSP[i][x] |= v >> (32 - from) & 1 << (31 - to)
			}
		}
	}
	for i := range 48 { // bit i of the expansion is bit i/6*4 + i%6 - 1 of the half, around its ends
		from := (i/6*4 + i%6 + 31) % 32
		for x := range 256 {
			if x>>(7-from%8)&1 == 1 {
				desExpand[from/8][x] |= 1 << (47 - i)
			}
		}
	}
	for to, from := range desIP {
		desFinal[from-1] = byte(to + 1)
	}
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'a' + 10
}

func permute(x uint64, width int, table []byte) (y uint64) {
	for _, from := range table {
		y = y<<1 | x>>(width-int(from))&1
	}
	return y
}

type desKey [16]uint64

// newDESKey makes the round keys; the lowest bit of each byte is not used.
func newDESKey(key uint64) (k desKey) {
	cd := permute(key, 64, desPC1[:])
	c, d := cd>>28, cd&(1<<28-1)
	for i, n := range desShifts {
		c = (c<<n | c>>(28-n)) & (1<<28 - 1)
		d = (d<<n | d>>(28-n)) & (1<<28 - 1)
		k[i] = permute(c<<28|d, 56, desPC2[:])
	}
	return k
}

// desEncrypt encrypts a block count times; bit i of the salt exchanges bit i of
// the expanded half's first 24 bits with that of its last, from the most significant.
func desEncrypt(k *desKey, block uint64, salt uint32, count uint32) uint64 {
	block = permute(block, 64, desIP[:])
	l, r := uint32(block>>32), uint32(block)
	for range count {
		for _, key := range k {
			e := desExpand[0][r>>24] | desExpand[1][r>>16&255] | desExpand[2][r>>8&255] | desExpand[3][r&255]
			swap := (uint32(e>>24) ^ uint32(e)) & salt
			e ^= uint64(swap)<<24 | uint64(swap)
			e ^= key
			l ^= desSP[0][e>>42] | desSP[1][e>>36&63] | desSP[2][e>>30&63] | desSP[3][e>>24&63] |
				desSP[4][e>>18&63] | desSP[5][e>>12&63] | desSP[6][e>>6&63] | desSP[7][e&63]
			l, r = r, l
		}
		l, r = r, l // the last round does not exchange the halves
	}
	return permute(uint64(l)<<32|uint64(r), 64, desFinal[:])
}

// itoa64 are the digits of crypt, the least first.
const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var atoi64 = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range len(itoa64) {
		t[itoa64[i]] = int8(i)
	}
	return t
}()

// salt24 reads crypt digits, the least first, into bits that stand the other way around.
func salt24(s string) (uint32, bool) {
	var v uint32
	for i := range len(s) {
		d := atoi64[s[i]]
		if d < 0 {
			return 0, false
		}
		v |= uint32(d) << (6 * i)
	}
	var out uint32
	for i := range 24 {
		out |= v >> i & 1 << (23 - i)
	}
	return out, true
}

// desText is a block as eleven digits of crypt.
func desText(b uint64) string {
	var out [11]byte
	for i := range 10 {
		out[i] = itoa64[b>>(58-6*i)&63]
	}
	out[10] = itoa64[b<<2&63]
	return string(out[:])
}

func desPassword(s string) (key uint64) {
	for i := range 8 {
		var c byte
		if i < len(s) {
			c = s[i]
		}
		key = key<<8 | uint64(c<<1)
	}
	return key
}

// desCrypt is the crypt of Seventh Edition UNIX: eight characters of the password, a
// salt of two characters.
func desCrypt(password, salt string) string {
	v, ok := salt24(salt[:2])
	if !ok {
		return ""
	}
	k := newDESKey(desPassword(password))
	return salt[:2] + desText(desEncrypt(&k, 0, v, 25))
}

// bsdiCrypt is the extension of BSD/OS: "_", four digits of the count and four
// of the salt; passwords of any length.
func bsdiCrypt(password, setting string) string {
	count, ok := bsdiCount(setting)
	salt, ok2 := salt24(setting[5:9])
	if !ok || !ok2 {
		return ""
	}
	key := desPassword(password)
	for len(password) > 8 {
		k := newDESKey(key)
		password = password[8:]
		key = desEncrypt(&k, key, 0, 1) ^ desPassword(password)
	}
	k := newDESKey(key)
	return setting[:9] + desText(desEncrypt(&k, 0, salt, count))
}

func bsdiCount(setting string) (n uint32, ok bool) {
	for i := range 4 {
		d := atoi64[setting[1+i]]
		if d < 0 {
			return 0, false
		}
		n |= uint32(d) << (6 * i)
	}
	return n, true
}
