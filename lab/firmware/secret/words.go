package secret

import (
	"slices"
	"strings"
	"unicode"
)

// defaults are passwords that devices are known to be shipped with: out of makers'
// manuals, public lists of defaults and the lists that worms tried on cameras and routers since 2016. The
// likeliest come first, since slow hashes are tried with the first ones only.
var defaults = strings.Fields(`
admin root password 1234 12345 123456 12345678 default 123456789 user guest support 1111 0000 888888 666666
sohoadmin 5up vizxv xc3511 juantech anko jvbzd klv123 klv1234 7ujMko0admin 7ujMko0vizxv zlxx. Zte521 zte hi3518 hslwificam
ikwb dreambox system pass 54321 123 1234567 1234567890 admin123 admin1234 Admin123 Admin1234 password1 Password1 passw0rd P@ssw0rd
realtek 00000000 1111111 11111111 000000 111111 123123 4321 654321 54321 7654321 987654321 smcadmin meinsm fucker
ubnt alpine toor service tech technician supervisor super superuser administrator operator manager monitor test
raspberry changeme change_me letmein welcome secret public private qwerty abc123 access login master none
telecomadmin admintelecom nE7jA%5m Zte521 zhone epicrouter motorola motorola1 cisco Cisco linksys netgear netgear1 dlink D-Link tplink
TP-LINK trendnet belkin asus buffalo huawei hikvision dahua axis zyxel ZyXEL draytek tenda mercury fast comtrend
broadcom Broadcom thomson speedtouch sagem sercomm technicolor arcadyan alphanetworks Alphanetworks wrgn80_trendnet_tew733gr
friend attack tini oelinux123 oelinux calvin PASS xmhdipc tlJwpbo6 I5fgvTg2 GM8182 cat1029 hi3518ev200 hdipc%No 059AnkJ
grouter conexant ADMIN epadmin fliradmin camera ipcam ipcamera dvr nvr hichiphx 2601hx 1001chin 1234qwer
S2fGqNFs OxhlwSG8 xc12345 nmgx_wapia antslq ascend ROOT500 founder88 OpenWrt openwrt lede wrt wireless router
wifi internet gateway modem ap bridge gponadmin adminpldt adsl dsl cable homehub support123 supportpw support1
tellabs#1 tellabs ftp anonymous ftpuser telnet ssh debug develop developer engineer factory production install installer
maint maintenance field craft diag nas media video stream web webadmin www netman mobile android linux busybox
klv klv12345 hik12345 12345admin admin12345 administrator1 root123 root1234 rootme rootpass roots password123 pass123 pass1234 user123
123qwe 1qaz2wsx qwerty123 q1w2e3r4 zaq12wsx asdf asdfgh abcd1234 abcd a1b2c3 iloveyou sky sunshine
home house light lamp plug iot device sensor hub smart smarthome cam baby 2010 2011 2012 2013 2014 2015 2016 2017 2018 2019 2020 2021 2022 2023 2024 2025 2026
aquario gvt12345 vnpt vnptftth ftth megacable2 vodafone telefonica orange movistar tmobile telekom telnetadmin admin@123 Admin@123
admin@huawei adminHW telecom kt olleh ktroot skb lgu uplus dasan davolink iptime mercusys xiaomi yi edimax levelone
`)

// MaxWords bounds the list of words of one image.
const MaxWords = 3000

// wordlist are the words to try, in order, and no word twice.
type wordlist struct {
	words []string
	has   map[string]bool
}

func (l *wordlist) add(ws ...string) {
	if l.has == nil {
		l.has = map[string]bool{}
	}
	for _, w := range ws {
		if w == "" || len(w) > 64 || l.has[w] || len(l.words) >= MaxWords || strings.ContainsFunc(w, unicode.IsControl) {
			continue
		}
		l.has[w] = true
		l.words = append(l.words, w)
	}
}

// variants are simple changes that people make to a word.
func variants(w string) []string {
	lower := strings.ToLower(w)
	back := []byte(lower)
	slices.Reverse(back)
	title := ""
	if lower != "" {
		title = strings.ToUpper(lower[:1]) + lower[1:]
	}
	all := []string{w, lower, title, strings.ToUpper(w), string(back)}
	for _, tail := range []string{"1", "12", "123", "1234", "12345", "123456", "!", "@123", "01", "0"} {
		all = append(all, lower+tail, title+tail)
	}
	return append(all, lower+lower)
}

// words puts together what is tried: what stands in the image as a password comes first, then account
// names, then the defaults, then what can be made of names in the image.
func words(plain, accounts, names []string) []string {
	var l wordlist
	l.add(plain...)
	l.add(accounts...)
	l.add(defaults...)
	for _, list := range [][]string{accounts, names} {
		for _, w := range list {
			l.add(w)
		}
	}
	for _, list := range [][]string{accounts, names} {
		for _, w := range list {
			l.add(variants(w)...)
		}
	}
	return l.words
}

// split takes a line of text apart into words that someone might make a
// password of.
func split(line string) (all []string) {
	for _, w := range strings.FieldsFunc(line, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`"'()[]{}<>=,;:/\|`, r)
	}) {
		w = strings.Trim(w, ".!?*#-_")
		if len(w) < 2 || len(w) > 32 {
			continue
		}
		all = append(all, w)
		if bare := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, w); bare != w && len(bare) >= 2 {
			all = append(all, bare)
		}
	}
	return all
}
