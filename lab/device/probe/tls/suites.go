package tls

import "fmt"

// suite is a cipher suite by its parts.
type suite struct {
	id       uint16
	exchange string // RSA, DHE, ECDHE, ECDH, PSK, ANON, TLS13
	export   bool
	cipher   string
	mac      string
}

// name is for people: the parts and the number of IANA's registry.
func (s suite) name() string {
	x := s.exchange
	if s.export {
		x += "_EXPORT"
	}
	return fmt.Sprintf("%s_%s_%s (0x%04X)", x, s.cipher, s.mac, s.id)
}

// suites are those of the TLS Cipher Suites registry (IANA) that implementations
// had or have, by number.
var suites = []suite{
	{0x0001, "RSA", false, "NULL", "MD5"},
	{0x0002, "RSA", false, "NULL", "SHA1"},
	{0x0003, "RSA", true, "RC4_40", "MD5"},
	{0x0004, "RSA", false, "RC4_128", "MD5"},
	{0x0005, "RSA", false, "RC4_128", "SHA1"},
	{0x0006, "RSA", true, "RC2_CBC_40", "MD5"},
	{0x0007, "RSA", false, "IDEA_CBC", "SHA1"},
	{0x0008, "RSA", true, "DES40_CBC", "SHA1"},
	{0x0009, "RSA", false, "DES_CBC", "SHA1"},
	{0x000A, "RSA", false, "3DES_CBC", "SHA1"},
	{0x0011, "DHE", true, "DES40_CBC", "SHA1"},
	{0x0012, "DHE", false, "DES_CBC", "SHA1"},
	{0x0013, "DHE", false, "3DES_CBC", "SHA1"},
	{0x0014, "DHE", true, "DES40_CBC", "SHA1"},
	{0x0015, "DHE", false, "DES_CBC", "SHA1"},
	{0x0016, "DHE", false, "3DES_CBC", "SHA1"},
	{0x0017, "ANON", true, "RC4_40", "MD5"},
	{0x0018, "ANON", false, "RC4_128", "MD5"},
	{0x0019, "ANON", true, "DES40_CBC", "SHA1"},
	{0x001A, "ANON", false, "DES_CBC", "SHA1"},
	{0x001B, "ANON", false, "3DES_CBC", "SHA1"},
	{0x002C, "PSK", false, "NULL", "SHA1"},
	{0x002F, "RSA", false, "AES128_CBC", "SHA1"},
	{0x0032, "DHE", false, "AES128_CBC", "SHA1"},
	{0x0033, "DHE", false, "AES128_CBC", "SHA1"},
	{0x0034, "ANON", false, "AES128_CBC", "SHA1"},
	{0x0035, "RSA", false, "AES256_CBC", "SHA1"},
	{0x0038, "DHE", false, "AES256_CBC", "SHA1"},
	{0x0039, "DHE", false, "AES256_CBC", "SHA1"},
	{0x003A, "ANON", false, "AES256_CBC", "SHA1"},
	{0x003B, "RSA", false, "NULL", "SHA256"},
	{0x003C, "RSA", false, "AES128_CBC", "SHA256"},
	{0x003D, "RSA", false, "AES256_CBC", "SHA256"},
	{0x0040, "DHE", false, "AES128_CBC", "SHA256"},
	{0x0041, "RSA", false, "CAMELLIA128_CBC", "SHA1"},
	{0x0044, "DHE", false, "CAMELLIA128_CBC", "SHA1"},
	{0x0045, "DHE", false, "CAMELLIA128_CBC", "SHA1"},
	{0x0046, "ANON", false, "CAMELLIA128_CBC", "SHA1"},
	{0x0067, "DHE", false, "AES128_CBC", "SHA256"},
	{0x006A, "DHE", false, "AES256_CBC", "SHA256"},
	{0x006B, "DHE", false, "AES256_CBC", "SHA256"},
	{0x006C, "ANON", false, "AES128_CBC", "SHA256"},
	{0x006D, "ANON", false, "AES256_CBC", "SHA256"},
	{0x0084, "RSA", false, "CAMELLIA256_CBC", "SHA1"},
	{0x0087, "DHE", false, "CAMELLIA256_CBC", "SHA1"},
	{0x0088, "DHE", false, "CAMELLIA256_CBC", "SHA1"},
	{0x0089, "ANON", false, "CAMELLIA256_CBC", "SHA1"},
	{0x008A, "PSK", false, "RC4_128", "SHA1"},
	{0x008B, "PSK", false, "3DES_CBC", "SHA1"},
	{0x008C, "PSK", false, "AES128_CBC", "SHA1"},
	{0x008D, "PSK", false, "AES256_CBC", "SHA1"},
	{0x0096, "RSA", false, "SEED_CBC", "SHA1"},
	{0x009A, "DHE", false, "SEED_CBC", "SHA1"},
	{0x009C, "RSA", false, "AES128_GCM", "SHA256"},
	{0x009D, "RSA", false, "AES256_GCM", "SHA384"},
	{0x009E, "DHE", false, "AES128_GCM", "SHA256"},
	{0x009F, "DHE", false, "AES256_GCM", "SHA384"},
	{0x00A2, "DHE", false, "AES128_GCM", "SHA256"},
	{0x00A3, "DHE", false, "AES256_GCM", "SHA384"},
	{0x00A6, "ANON", false, "AES128_GCM", "SHA256"},
	{0x00A7, "ANON", false, "AES256_GCM", "SHA384"},
	{0x00A8, "PSK", false, "AES128_GCM", "SHA256"},
	{0x00A9, "PSK", false, "AES256_GCM", "SHA384"},
	{0x00BA, "RSA", false, "CAMELLIA128_CBC", "SHA256"},
	{0x00BE, "DHE", false, "CAMELLIA128_CBC", "SHA256"},
	{0x00C0, "RSA", false, "CAMELLIA256_CBC", "SHA256"},
	{0x00C4, "DHE", false, "CAMELLIA256_CBC", "SHA256"},
	{0xC002, "ECDH", false, "RC4_128", "SHA1"},
	{0xC004, "ECDH", false, "AES128_CBC", "SHA1"},
	{0xC005, "ECDH", false, "AES256_CBC", "SHA1"},
	{0xC006, "ECDHE", false, "NULL", "SHA1"},
	{0xC007, "ECDHE", false, "RC4_128", "SHA1"},
	{0xC008, "ECDHE", false, "3DES_CBC", "SHA1"},
	{0xC009, "ECDHE", false, "AES128_CBC", "SHA1"},
	{0xC00A, "ECDHE", false, "AES256_CBC", "SHA1"},
	{0xC00E, "ECDH", false, "AES128_CBC", "SHA1"},
	{0xC00F, "ECDH", false, "AES256_CBC", "SHA1"},
	{0xC010, "ECDHE", false, "NULL", "SHA1"},
	{0xC011, "ECDHE", false, "RC4_128", "SHA1"},
	{0xC012, "ECDHE", false, "3DES_CBC", "SHA1"},
	{0xC013, "ECDHE", false, "AES128_CBC", "SHA1"},
	{0xC014, "ECDHE", false, "AES256_CBC", "SHA1"},
	{0xC015, "ANON", false, "NULL", "SHA1"},
	{0xC016, "ANON", false, "RC4_128", "SHA1"},
	{0xC017, "ANON", false, "3DES_CBC", "SHA1"},
	{0xC018, "ANON", false, "AES128_CBC", "SHA1"},
	{0xC019, "ANON", false, "AES256_CBC", "SHA1"},
	{0xC023, "ECDHE", false, "AES128_CBC", "SHA256"},
	{0xC024, "ECDHE", false, "AES256_CBC", "SHA384"},
	{0xC027, "ECDHE", false, "AES128_CBC", "SHA256"},
	{0xC028, "ECDHE", false, "AES256_CBC", "SHA384"},
	{0xC02B, "ECDHE", false, "AES128_GCM", "SHA256"},
	{0xC02C, "ECDHE", false, "AES256_GCM", "SHA384"},
	{0xC02F, "ECDHE", false, "AES128_GCM", "SHA256"},
	{0xC030, "ECDHE", false, "AES256_GCM", "SHA384"},
	{0xC035, "PSK", false, "AES128_CBC", "SHA1"},
	{0xC036, "PSK", false, "AES256_CBC", "SHA1"},
	{0xC050, "RSA", false, "ARIA128_GCM", "SHA256"},
	{0xC051, "RSA", false, "ARIA256_GCM", "SHA384"},
	{0xC052, "DHE", false, "ARIA128_GCM", "SHA256"},
	{0xC053, "DHE", false, "ARIA256_GCM", "SHA384"},
	{0xC05C, "ECDHE", false, "ARIA128_GCM", "SHA256"},
	{0xC05D, "ECDHE", false, "ARIA256_GCM", "SHA384"},
	{0xC060, "ECDHE", false, "ARIA128_GCM", "SHA256"},
	{0xC061, "ECDHE", false, "ARIA256_GCM", "SHA384"},
	{0xC072, "ECDHE", false, "CAMELLIA128_CBC", "SHA256"},
	{0xC073, "ECDHE", false, "CAMELLIA256_CBC", "SHA384"},
	{0xC076, "ECDHE", false, "CAMELLIA128_CBC", "SHA256"},
	{0xC077, "ECDHE", false, "CAMELLIA256_CBC", "SHA384"},
	{0xC09C, "RSA", false, "AES128_CCM", "SHA256"},
	{0xC09D, "RSA", false, "AES256_CCM", "SHA256"},
	{0xC09E, "DHE", false, "AES128_CCM", "SHA256"},
	{0xC09F, "DHE", false, "AES256_CCM", "SHA256"},
	{0xC0A0, "RSA", false, "AES128_CCM8", "SHA256"},
	{0xC0A1, "RSA", false, "AES256_CCM8", "SHA256"},
	{0xC0A8, "PSK", false, "AES128_CCM8", "SHA256"},
	{0xC0AC, "ECDHE", false, "AES128_CCM", "SHA256"},
	{0xC0AD, "ECDHE", false, "AES256_CCM", "SHA256"},
	{0xC0AE, "ECDHE", false, "AES128_CCM8", "SHA256"},
	{0xC0AF, "ECDHE", false, "AES256_CCM8", "SHA256"},
	{0xCCA8, "ECDHE", false, "CHACHA20_POLY1305", "SHA256"},
	{0xCCA9, "ECDHE", false, "CHACHA20_POLY1305", "SHA256"},
	{0xCCAA, "DHE", false, "CHACHA20_POLY1305", "SHA256"},
	{0x1301, "TLS13", false, "AES128_GCM", "SHA256"},
	{0x1302, "TLS13", false, "AES256_GCM", "SHA384"},
	{0x1303, "TLS13", false, "CHACHA20_POLY1305", "SHA256"},
	{0x1304, "TLS13", false, "AES128_CCM", "SHA256"},
	{0x1305, "TLS13", false, "AES128_CCM8", "SHA256"},
}

func suiteOf(id uint16) suite {
	for _, s := range suites {
		if s.id == id {
			return s
		}
	}
	return suite{id: id, exchange: "unknown", cipher: "unknown", mac: "unknown"}
}

// offered are the numbers for a version.
func offered(v Version) (ids []uint16) {
	for _, s := range suites {
		if (s.exchange == "TLS13") == (v == TLS13) {
			ids = append(ids, s.id)
		}
	}
	return ids
}
