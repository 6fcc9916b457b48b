package bundle

import "assay/scheme"

// Languages of the guidance in a new bundle.
var Languages = []string{"en", "ko", "de", "fi"}

// What a new bundle says beside what the catalog says. Words in backticks and
// the names of fields are the same in every language.
var phrases = map[string]scheme.Text{
	"for": {
		"en": "Evidence for:",
		"ko": "다음을 위한 증거:",
		"de": "Nachweise für:",
		"fi": "Näyttö seuraavia varten:",
	},
	"level": { // scheme, level, edition, day
		"en": "%s, %s (edition %s, as of %s)",
		"ko": "%s, %s (%s판, %s 기준)",
		"de": "%s, %s (Ausgabe %s, Stand %s)",
		"fi": "%s, %s (laitos %s, tilanne %s)",
	},
	"fill": {
		"en": "Write between the quotes. What stays empty counts as not answered; `assay assess` says what is missing.",
		"ko": "따옴표 사이에 적는다. 비워 둔 것은 답하지 않은 것으로 본다. 무엇이 빠졌는지는 `assay assess`가 알려 준다.",
		"de": "Zwischen die Anführungszeichen schreiben. Was leer bleibt, gilt als nicht beantwortet; `assay assess` sagt, was fehlt.",
		"fi": "Kirjoita lainausmerkkien väliin. Tyhjäksi jäävä katsotaan vastaamattomaksi; `assay assess` kertoo, mitä puuttuu.",
	},
	"holder": {
		"en": "id of the entity that applies, never a person",
		"ko": "신청하는 업체의 식별자(개인은 적지 않음)",
		"de": "Kennung der Stelle, die den Antrag stellt, nie eine Person",
		"fi": "hakijana olevan organisaation tunniste, ei koskaan henkilö",
	},
	"name": {
		"en": "brand and name as sold",
		"ko": "판매되는 상표와 제품명",
		"de": "Marke und Name, wie verkauft wird",
		"fi": "merkki ja nimi, joilla tuote myydään",
	},
	"functions": {
		"en": "every function that the product has, not only the main one: they decide which schemes take it",
		"ko": "주된 기능만이 아니라 제품의 모든 기능. 어느 제도의 대상인지가 이것으로 정해진다",
		"de": "jede Funktion des Produkts, nicht nur die wichtigste: danach richtet sich, welches Schema es annimmt",
		"fi": "kaikki tuotteen toiminnot, ei vain tärkein: niistä riippuu, mikä järjestelmä tuotteen ottaa",
	},
	"models": {
		"en": "type designations with their hardware revisions; where there are any also gtins, and variants that differ in nothing a requirement asks about",
		"ko": "모델명과 하드웨어 리비전. 있으면 gtins와, 요구사항과 무관한 점만 다른 variants도 적는다",
		"de": "Typbezeichnungen mit ihren Hardware-Revisionen; falls vorhanden auch gtins und variants, die sich in nichts unterscheiden, wonach gefragt wird",
		"fi": "tyyppimerkinnät laitteistoversioineen; tarvittaessa myös gtins sekä variants, jotka eivät eroa missään, mitä vaatimukset kysyvät",
	},
	"firmware": {
		"en": "each version that the evidence is about, with the SHA-256 of the image as installed or distributed",
		"ko": "증거가 다루는 각 버전과, 설치되거나 배포되는 이미지의 SHA-256",
		"de": "jede Version, um die es geht, mit dem SHA-256 des Abbilds, wie es installiert oder verteilt wird",
		"fi": "jokainen versio, jota näyttö koskee, ja asennettavan tai jaettavan levykuvan SHA-256",
	},
	"support": {
		"en": "last day of security updates (YYYY-MM-DD), and the address where everybody can read it",
		"ko": "보안 업데이트를 제공하는 마지막 날(YYYY-MM-DD)과 누구나 볼 수 있는 주소",
		"de": "letzter Tag der Sicherheitsaktualisierungen (YYYY-MM-DD) und die Adresse, unter der es alle lesen können",
		"fi": "turvapäivitysten viimeinen päivä (YYYY-MM-DD) ja osoite, josta kuka tahansa voi sen lukea",
	},
	"declaration": {
		"en": "who declares conformity (entity id), and on which day",
		"ko": "적합성을 선언하는 업체의 식별자와 선언한 날",
		"de": "wer die Konformität erklärt (Kennung der Stelle) und an welchem Tag",
		"fi": "kuka antaa vaatimustenmukaisuusvakuutuksen (organisaation tunniste) ja minä päivänä",
	},
	"features": {
		"en": "What the product has: yes, no or unknown; where a requirement does not apply by an answer, give its ground: {answer: no, ground: \"…\"}. Whether a requirement applies hangs on these.",
		"ko": "제품의 특성: yes, no, unknown 중 하나. 답에 따라 적용되지 않는 요구사항이 있으면 사유를 적는다: {answer: no, ground: \"…\"}. 요구사항의 적용 여부가 이것으로 정해진다.",
		"de": "Was das Produkt hat: yes, no oder unknown; gilt wegen einer Antwort eine Anforderung nicht, ist sie zu begründen: {answer: no, ground: \"…\"}. Davon hängt ab, ob eine Anforderung gilt.",
		"fi": "Mitä tuotteessa on: yes, no tai unknown; jos vaatimus ei koske tuotetta vastauksen vuoksi, perustele se: {answer: no, ground: \"…\"}. Näistä riippuu, koskeeko vaatimus tuotetta.",
	},
	"decides": {
		"en": "decides about %s",
		"ko": "이것으로 정해지는 요구사항: %s",
		"de": "entscheidet über %s",
		"fi": "ratkaisee vaatimukset %s",
	},
	"ics": {
		"en": "One answer for each requirement: yes, or {support: no, detail: \"why\"}, or {support: not-applicable, detail: \"why\"}. With a yes, detail says how it is done. A document on it goes into artifacts, as the line that `assay evidence add` prints.",
		"ko": "요구사항마다 한 가지로 답한다: yes, {support: no, detail: \"사유\"}, {support: not-applicable, detail: \"사유\"}. yes일 때 detail에는 구현 방법을 적는다. 관련 문서는 `assay evidence add`가 출력하는 줄을 artifacts에 넣는다.",
		"de": "Je Anforderung eine Antwort: yes oder {support: no, detail: \"warum\"} oder {support: not-applicable, detail: \"warum\"}. Bei yes sagt detail, wie es gemacht ist. Ein Dokument dazu kommt unter artifacts, mit der Zeile, die `assay evidence add` ausgibt.",
		"fi": "Yksi vastaus vaatimusta kohti: yes tai {support: no, detail: \"miksi\"} tai {support: not-applicable, detail: \"miksi\"}. Jos vastaus on yes, detail kertoo, miten se on tehty. Asiakirja lisätään kohtaan artifacts rivinä, jonka `assay evidence add` tulostaa.",
	},
	"ics-date": {
		"en": "day on which it is stated (YYYY-MM-DD)",
		"ko": "작성한 날(YYYY-MM-DD)",
		"de": "Tag, an dem es angegeben wird (YYYY-MM-DD)",
		"fi": "päivä, jona tiedot on annettu (YYYY-MM-DD)",
	},
	"laboratory": {
		"en": "What a laboratory shows comes in a file of its own, verdicts/NAME.yaml, which it signs.",
		"ko": "시험기관이 확인하는 것은 시험기관이 서명한 별도 파일 verdicts/NAME.yaml로 들어온다.",
		"de": "Was eine Prüfstelle feststellt, kommt in einer eigenen Datei verdicts/NAME.yaml, die sie signiert.",
		"fi": "Laboratorion toteamat asiat tulevat sen omassa tiedostossa verdicts/NAME.yaml, jonka se allekirjoittaa.",
	},
	"declaration/maker": {
		"en": "the maker declares it",
		"ko": "제조자가 선언한다",
		"de": "der Hersteller erklärt es",
		"fi": "valmistaja vakuuttaa sen",
	},
	"document/maker": {
		"en": "the maker shows it by a document",
		"ko": "제조자가 문서로 입증한다",
		"de": "der Hersteller belegt es mit einem Dokument",
		"fi": "valmistaja osoittaa sen asiakirjalla",
	},
	"test/maker": {
		"en": "the maker shows it by a test",
		"ko": "제조자가 시험으로 입증한다",
		"de": "der Hersteller belegt es mit einer Prüfung am Gerät",
		"fi": "valmistaja osoittaa sen testillä",
	},
	"declaration/laboratory": {
		"en": "a laboratory states it",
		"ko": "시험기관이 확인한다",
		"de": "eine Prüfstelle bestätigt es",
		"fi": "laboratorio vahvistaa sen",
	},
	"document/laboratory": {
		"en": "a laboratory examines documents on it",
		"ko": "시험기관이 문서를 심사한다",
		"de": "eine Prüfstelle prüft Dokumente dazu",
		"fi": "laboratorio tarkastaa sitä koskevat asiakirjat",
	},
	"test/laboratory": {
		"en": "a laboratory tests it on the device",
		"ko": "시험기관이 기기를 시험한다",
		"de": "eine Prüfstelle prüft es am Gerät",
		"fi": "laboratorio testaa sen laitteesta",
	},
	"recommended": {
		"en": "recommended: where it is not met, the ground why will do",
		"ko": "권고 사항: 충족하지 않으면 그 사유로 갈음한다",
		"de": "empfohlen: ist es nicht erfüllt, genügt der Grund",
		"fi": "suositus: jos se ei täyty, perustelu riittää",
	},
	"hangs": {
		"en": "applies depending on %s",
		"ko": "적용 여부를 정하는 특성: %s",
		"de": "gilt je nach %s",
		"fi": "koskee tuotetta sen mukaan, mitä vastataan: %s",
	},
	"age": {
		"en": "evidence at most %d months old",
		"ko": "%d개월 이내의 증거",
		"de": "Nachweis höchstens %d Monate alt",
		"fi": "näyttö enintään %d kuukautta vanha",
	},
	"contents": {
		"en": "What evidence must contain; each artifact names in shows the ids that it covers:",
		"ko": "증거에 있어야 할 내용. 각 산출물은 다루는 항목의 식별자를 shows에 적는다:",
		"de": "Was der Nachweis enthalten muss; jedes Dokument nennt unter shows die Kennungen, die es abdeckt:",
		"fi": "Mitä näytön on sisällettävä; kukin asiakirja luettelee kohdassa shows tunnisteet, jotka se kattaa:",
	},
	"optional": {
		"en": "not asked for, but worth having",
		"ko": "필수는 아니지만 있으면 좋음",
		"de": "nicht verlangt, aber nützlich",
		"fi": "ei vaadita, mutta hyödyllinen",
	},
	"needed": {
		"en": "Needed for %s",
		"ko": "필요한 요구사항: %s",
		"de": "Nötig für %s",
		"fi": "Tarvitaan vaatimuksiin %s",
	},
	"expected": {
		"en": "Rows are expected depending on %s",
		"ko": "행이 필요한지를 정하는 특성: %s",
		"de": "Zeilen werden erwartet je nach %s",
		"fi": "Rivejä odotetaan sen mukaan, mitä vastataan: %s",
	},
	"copy": {
		"en": "Copy the row for each further one. Where there is none at all, write `rows: []`.",
		"ko": "항목이 더 있으면 행을 복사한다. 하나도 없으면 `rows: []`라고 적는다.",
		"de": "Die Zeile für jedes weitere kopieren. Gibt es gar keines, `rows: []` schreiben.",
		"fi": "Kopioi rivi jokaista seuraavaa varten. Jos yhtään ei ole, kirjoita `rows: []`.",
	},
	"single": {
		"en": "One row only.",
		"ko": "행은 하나뿐이다.",
		"de": "Nur eine Zeile.",
		"fi": "Vain yksi rivi.",
	},
	"row": {
		"en": "the row's own name, such as %s-1",
		"ko": "행의 이름(예: %s-1)",
		"de": "eigener Name der Zeile, etwa %s-1",
		"fi": "rivin oma nimi, esimerkiksi %s-1",
	},
	"choice": {
		"en": "one of:",
		"ko": "다음 중 하나:",
		"de": "eines von:",
		"fi": "jokin seuraavista:",
	},
	"yes-no": {
		"en": "yes or no",
		"ko": "yes 또는 no",
		"de": "yes oder no",
		"fi": "yes tai no",
	},
	"rows": {
		"en": "a list of names of rows in ixit/%s.yaml",
		"ko": "ixit/%s.yaml에 있는 행 이름의 목록",
		"de": "Liste von Zeilennamen aus ixit/%s.yaml",
		"fi": "luettelo tiedoston ixit/%s.yaml rivien nimistä",
	},
	"date": {
		"en": "a day, YYYY-MM-DD",
		"ko": "날짜, YYYY-MM-DD",
		"de": "ein Tag, YYYY-MM-DD",
		"fi": "päivä, YYYY-MM-DD",
	},
	"empty": {
		"en": "may stay empty where it does not apply",
		"ko": "해당하지 않으면 비워 둘 수 있다",
		"de": "darf leer bleiben, wo es nicht zutrifft",
		"fi": "saa jäädä tyhjäksi, jos ei sovellu",
	},
}
