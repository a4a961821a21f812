package mail

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A concept is something that a reply can speak of, in whatever words. Providers, hosters and languages say the same
// things in ever new sentences, but they have only so many words for "limit", "hour" or "unknown": so rules ask for
// concepts that meet in one clause, and not for sentences.
type concept uint32

// The concepts.
const (
	limit     concept = 1 << iota // a limit, or going beyond one
	soon                          // a limit that is over within the hour: per second, minute or hour, too fast
	day                           // one that takes longer
	sending                       // what we do: sending, submitting, connecting
	letters                       // what is sent
	receiving                     // what the recipient does
	yours                         // the server speaks to us about us
	mailbox                       // a place where mail is kept
	full                          // that has no room
	size                          // the form of one message
	content                       // what one message says
	person                        // a recipient, an address, a domain
	gone                          // is not there
	later                         // but may be later
	grey                          // greylisting
	sender                        // whom the mail is from
	denied                        // is not allowed
	permit                        // leave to do something
	proof                         // SPF, DKIM, DMARC, DNS of the sender
	listed                        // bad reputation
	host                          // the machine that connects
	relay                         // passing mail on
	login                         // logging in
	need                          // is wanted first
	service                       // an account, a plan, a service
	stopped                       // is suspended, not active, not verified
	busy                          // the server's own trouble
	encrypted                     // STARTTLS
)

// words are stems of each concept, as regular expressions, in the languages of the servers that schools in Indonesia
// may meet: Indonesian and English first. Case, accents and letters of double width do not count.
var words = []struct {
	concept
	find func() *regexp.Regexp
}{
	{limit, stems(`\bper (second|minute|hour|day|month)|per (detik|menit|jam|hari)|(pro|par|por|al|per) (stunde|tag|heure|jour|hora|d[ií]a|ora)`,
		`limit|quota|exce(ed|ss)|\bcap(ped)?\b|ceiling|no more|only \d|sent \d+ of \d|greedy|throttl|too (many|much|fast|quick|often|frequent|high)|\brate\b|\bmax(imum)?\b|volume`,
		`unusual (rate|send|activit|traffic|number|amount|login)|allowance|allotment|credits?\b|frequency|concurren|threshold|slow(er| ?down)`,
		`(more|greater|higher) than|\babove (the|your|allow|\d)|wait .{0,20}(before sending|between)|tunggu .{0,20}sebelum mengirim|exhaust|used (up|all)`,
		`(has|have|'ve) reached|reached (its|your|the|their)|lebih dari|mehr als|erschöpft|(plus de|más de|mais de|più di) \d|épuis|agotad|esgotad|esaurit`,
		`batas|hanya \d|\bhad\b|dicapai|เกิน|จำกัด|melebihi|melampaui|terlampaui|kuota|jatah|maksim|terlalu (banyak|cepat|sering|tinggi)`,
		`überschr|ueberschr|höchst|kontingent|zu (viele|schnell|häufig|oft)|dépass|trop (de|d|vite|nombreu)|plafond`,
		`exced|maxim|superad|superat|alcanzad|atingid|raggiunt|demasiad|muitas?\b|muitos\b|tropp[io]|cuota|\bcota\b|massim`,
		`te veel|te snel|overschr|limiet|przekrocz|zbyt (wiele|dużo|często)|çok fazla|aşıl|sınır|vượt|quá nhiều|giới hạn|hạn mức`,
		`превы|лимит|квот|слишком|исчерп|超过|超出|限制|过多|太多|频|上限|配额|超え|制限|초과|제한|한도`)},
	{soon, stems(`short time|sejam|setiap jam|ชั่วโมง|นาที|second|minute|hour|\brates?\b|rate.?limit|throttl|too (many|much|fast|quick|often|frequent)|slow|peak|concurren|simultan|frequen|volume`,
		`unusual|detik|frekuensi|kecepatan|menit|\bjam\b|terlalu (cepat|sering)|sekunde|stunde|stünd|seconde|heure|segundo|minuto|\bhoras?\b`,
		`second[oi]\b|\bor[ae]\b|\buur\b|godzin|saat|phút|\bgiờ|секунд|минут|час|秒|分钟|小时|频|時間|分間|시간|분당|초당`)},
	{day, stems(`ต่อวัน|\bdays?\b|daily|24.?h|month|week|today|credits?\b|hari ini|heute|aujourd|\bhoy\b|\bhoje|oggi|сегодня|今天|今日|\bhari\b|harian|sehari|bulan|minggu|\btag\b|täglich|tages|\bjour`,
		`quotidien|\bd[ií]as?\b|diári|diari|giorn|\bdag|dzień|dzien|günlük|ngày|сут|день|дневн|每日|每天|当天|一天|1日|一日|毎日|하루|일일`)},
	{sending, stems(`send|\bsent\b|outgoing|outbound|submission|submit|\brelay|transmit|recipients\b|recipient (attempt|limit|rate)`,
		`connection|session|log.?in|attempt|defers|failures|\bsms?tp\b|per (second|minute|hour|day|month)|[/](second|minute|hour|day)`,
		`kirim|ngirim|hantar|ส่ง|keluar|sambungan|koneksi|versand|versend|ausgehend|verschick|envoi|envoy|sortant|envi[oaó]|salient|saída|invi[oa]`,
		`uscita|verzend|verzonden|verstuur|uitgaand|wysył|wysła|wychodz|gönder|\bgửi|отправ|исходящ|рассыл|发送|发信|外发|送信|발송|전송`)},
	{letters, stems(`\be?-?mails?\b|messages?\b|\bpesan|surel|\bsurat\b|nachricht|courriel|mensaje|mensage|correo|messagg|berichten`,
		`wiadomo|posta|\bthư|письм|сообщен|邮件|信件|メール|메일`)},
	{receiving, stems(`receiv(e|es|ing)\b|user (has )?received|recipient('s| has| is| got)|to (this|that|the) (recipient|user|mailbox|address|group|list)|for (this|that) recipient|incoming|arriving|menerima|empfängt`,
		`reçoit|recevoir|recib|receb|riceve|ontvang|odbier|nhận|получает|接收|受信|수신`)},
	{yours, stems(`\byour\b|from (you|this)\b|for this (account|client|sender|customer)|\banda\b|\bihre?s?\b|\bvotre|\btu\b`,
		`\bsu (cuenta|correo)|\bsua\b|\btuo\b|\buw\b|twoj|ваш|您|你的`)},
	{mailbox, stems(`mail ?box|in-?box|storage|\bdisk|space|maildir|mail ?folder|kotak|\bpeti\b|penyimpanan|postfach|speicher|boîte|buzón`,
		`caixa|casella|postvak|skrzynk|kutusu|hộp thư|ящик|邮箱|信箱|空间|メールボックス|메일함`)},
	{full, stems(`\bfull\b|over.?quota|quota.{0,20}(exceeded|reached|violat)|out of (storage|space|disk)|insufficient|not enough`,
		`no (space|room)|used up|penuh|\bvoll|pleine?\b|saturé|llen[ao]\b|chei[ao]\b|pien[ao]\b|\bvol\b|pełn|\bdolu\b|đầy`,
		`переполнен|нет места|已满|满了|いっぱい|가득`)},
	{size, stems(`too (big|large|long)|\bsize|bytes|length|\blines?\b|\bhops?\b|\bloop|attachment|ukuran|terlalu (besar|panjang)`,
		`lampiran|größe|zu (gro(ß|ss)|lang)|taille|trop (gros|volumineu|grand|long)|tamaño|tamanho|demasiado (grande|larg)|grande\b`,
		`dimension|grootte|rozmiar|boyut|kích thước|размер|слишком (больш|длин)|大小|过大|太大|大きすぎ|크기`)},
	{content, stems(`\bspam|virus|malware|phish|suspicious|content|\burls?\b|links?\b|score|isi (surel|pesan|email)|mencurigakan|konten`,
		`inhalt|verdächtig|contenu|contenido|conteúdo|contenut|inhoud|treść|içerik|nội dung|спам|вирус|содержи|垃圾|病毒|内容|스팸`)},
	{person, stems(`(e-?mail|surel) (_|tidak|sudah|does)|tujuan|user|mail ?box|recipient|address|account|alias|customer|student|domain|person|by that name|\bmx\b|local.?part|pengguna|penerima|alamat`,
		`kotak|\bpeti\b|akun|akaun|pelajar|siswa|benutzer|empfänger|adress|postfach|konto|utilisateur|destinat|compte|boîte|usuari|cuenta|\bconta\b|buzón|direcci|endereço`,
		`caixa|utent|indirizz|casella|gebruiker|ontvanger|\badres|użytkown|odbiorc|kullanıcı|alıcı|người|địa chỉ|пользовател|адрес`,
		`ящик|получател|用户|收件人|地址|邮箱|宛先|ユーザ|사용자|수신자`)},
	{gone, stems(`unknown|no such|\bno (longer|mail ?box|user|account|one|person)|\bnot? (a )?(known|found|exist|valid|active|available|registered)`,
		`(does|do)(n't| ?not) (exist|have)|non.?exist|(couldn't|could not) be found|able to find|not (found|listed|present)|invalid`,
		`unavailable|inactive|disabled|deactivat|discontinued|terminated|closed|deleted|has left|no mx|null.?mx|graduated|not our|removed|has moved|expired|illegal`,
		`\bended|mx records|no mail exch|name not allowed|not hosted|tidak (dijumpai|ditemui|wujud|berdaftar|lagi|menerima)|tamat|(sudah|telah) (keluar|berhenti)|dipadam`,
		`geschlossen|kein(e|en)? (solch|mailbox|benutzer|postfach|konto)|nicht verfügbar|ferm[eé]|indispon|(pas|no|não|non) .{0,6}dispon|cerrad|deshabilit|desativ|chius|disattiv`,
		`\bbad\b|unrout|undeliverable|wrong|tidak (ditemukan|dikenal|ada|aktif|terdaftar|valid|tersedia|sah)|sudah tidak|dihapus`,
		`ditutup|nonaktif|salah|tidak berlaku|sudah lulus|sudah pindah|gibt es nicht|unbekannt|(nicht|kein\w*) .{0,20}(gefunden|bekannt|vorhanden|existi|gültig)|existiert nicht|ungültig`,
		`deaktiviert|inconnu|introuvable|n'existe|invalid|désactiv|no existe|desconocid|no (se )?(ha )?encontr|inexist|não (existe|encontr|foi encontr)`,
		`desconhecid|inesist|sconosciut|non (esiste|trovat|valid|è valid|è stat)|onbekend|bestaat niet|nie (istnieje|znalez)|nieznan`,
		`bulunam|\byok\b|geçersiz|không (tồn tại|tìm thấy|hợp lệ)|не (найден|существ|извест|обслуж)|неизвест|отключ|заблокир|нет такого`,
		`不存在|无效|未找到|找不到|停用|存在しません|見つかりません|존재하지|찾을 수 없`)},
	{later, stems(`\blater\b|temporar|try again|deferred|for now|sementara|nanti|coba lagi|später|vorübergehend|erneut|plus tard`,
		`temporaire|réessay|más tarde|temporal|mais tarde|più tardi|riprova|tijdelijk|późnie|daha sonra|thử lại|tạm thời|позже|временн`,
		`повторит|稍后|暂时|后再|後で|一時的|나중|일시`)},
	{grey, stems(`gr[ae]y.?list|first.?time sender|daftar abu|liste grise|lista (gris|cinza)|graue liste`)},
	{sender, stems(`sender|\bfrom.?(address|header|domain|:)|\bmail from( address| domain)? (not|must|is)|(invalid|outgoing) mail from|return.?path|send(ing)? (as|on behalf|from)|sending domain|alamat from|pengirim(nya)?\b|penghantar\b`,
		`absender|expéditeur|émetteur|remitente|remetente|mittente|afzender|nadawc|gönderen|người gửi|отправител|发件人|发信人|送信者|발신자`)},
	{denied, stems(`denied|reject|refus|disallow|prohibit|forbid|\bnot\b|n't\b|cannot|unable|fail|blocked|banned|\bbad\b|invalid|mismatch`,
		`ditolak|dilarang|tidak|belum|bukan|gagal|abgelehnt|nicht|verweiger|interdit|non |pas |denegad|rechazad|\bno (permitid|autoriz|está|es|tiene)|negad`,
		`recusad|rejeitad|não|negat|rifiut|geweiger|niet|odrzuc|\bnie\b|reddedil|từ chối|không|отклон|запрещ|отказ|\bне |拒绝|不允许|禁止|未|拒否|거부`)},
	{permit, stems(`authori[sz]|permission|\bizin|diizinkan|kebenaran|berechtig|autoris|autori[sz]|permiso|permiss`)},
	{proof, stems(`\bspf\b|dkim|dmarc|authentication (level|check|info|result)|unauthenticated|\bptr\b|reverse.?dns|\brdns`)},
	{listed, stems(`block.?list|black.?list|spamhaus|spamcop|barracuda|dnsbl|\brbls?\b|reputation|blocked using|daftar hitam|schwarze liste`,
		`liste noire|lista n[eo]gra|черн(ый|ом) спис|黑名单`)},
	{host, stems(`\bhelo|\behlo|client host|\b(this|your) (ip|host|server|network)|hostname|dynamic ip|\bip\b`)},
	{relay, stems(`\brelay|rcpthosts|weiterleit|relais|转发`)},
	{login, stems(`pop before|auth?enti[cfk]|\bauth\b|\blog(ged)? ?-?(in|on)\b|password|credential|kata sandi|autentikasi|otentikasi|\bmasuk\b|anmeld`,
		`identifi[eé]|connectez|inicia\w* sesión|аутентиф|авториз|登录|认证|ログイン|認証|로그인|인증`)},
	{need, stems(`require|must|\bneed|first|please|harus|wajib|dahulu|perlu|silakan|erforderlich|müssen|bitte|requi(s|er)|obligat|necess?ari`,
		`richiest|требу|необходим|нужн|需要|请先|必要|필요`)},
	{service, stems(`account|domain|api.?key|akun|akaun|konto|compte|cuenta|\bconta\b|subscription|trial|langganan|hosting|tenant|\bplan\b|\bpaket|layanan|service`,
		`pengguna|аккаунт|учетн|账户|账号|帐户|帐号|アカウント|계정`)},
	{stopped, stems(`suspend|paus(ed|e)\b|disabled|block(ed)?\b|locked|deactivat|not (been |yet )*(activ|enabl|verif|approv|confirm)|unverified|verify your|confirm your|revoked|restricted`,
		`activate|under review|has ended|berakhir|dihentikan|ditinjau|expired|inactive|ditangguhkan|digantung|disekat|diblokir|dinonaktif|nonaktif|dijeda|belum (aktif|diaktif|diverif|terverif)|tidak aktif|dibekukan`,
		`kedaluwarsa|gesperrt|deaktiv|suspendu|bloqu[eé]|désactiv|suspendid|bloquead|desactiv|desativ|sospes|bloccat|geblokkeerd|zablokow`,
		`engellen|khóa|заблокир|приостан|отключ|封禁|冻结|停用|暂停|禁用|停止|차단|정지`)},
	{busy, stems(`busy|too much work|system (storage|resources)|disk full|shutting down|closing|overload|high load|system load|lookup (failure|error)|error in processing|internal|local (problem|error|configuration)|queue|resources|maintenance`,
		`(service|server|system|database|backend|milter) .{0,20}(unavailable|not available|error|fail|problem)|configuration error|time(d)?.?(out|limit)|sibuk|gangguan`,
		`pemeliharaan|(layanan|sistem) .{0,20}tidak tersedia|perbaikan|kesalahan (sistem|internal|server)|überlast|wartung|intern(er|es)|surcharg|interne|mantenimiento|ocupad`,
		`manutenç|interno|manutenzion|перегруж|занят|внутренн|обслуживани|繁忙|维护|内部|混雑|メンテナンス|점검|혼잡`)},
	{encrypted, stems(`starttls`)},
}

// stems compiles words when they are first asked for, folded as replies are.
func stems(lists ...string) func() *regexp.Regexp { return re(fold(strings.Join(lists, "|"))) }

// re compiles when it is first asked: most runs meet no failure, and a function in the cloud starts for every one.
func re(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// fold takes out of a text what servers do not agree on: case, accents, and the ways to write an apostrophe.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == '’':
			return '\''
		case r == 'ı': // Turkish has it apart from i, but not everybody's mail server
			return 'i'
		}
		return r
	}, norm.NFKD.String(strings.ToLower(text)))
}

var (
	link      = re(`(?i)https?://\S*`)
	clauseEnd = re(`[.;!?,]+(\s|$)|\s[-–—]+\s|[。，；！？]`)
)

// clauses returns the concepts of each clause of a text. What stands in two of them does not belong together: "Mailbox
// is full. Try sending it again" is not about a limit of sending.
func clauses(text string) (list []concept) {
	text = strings.ReplaceAll(fold(link().ReplaceAllString(text, "")), fold(removed), "_")
	for _, clause := range clauseEnd().Split(text, -1) {
		var c concept
		for _, w := range words {
			if w.find().MatchString(clause) {
				c |= w.concept
			}
		}
		list = append(list, c)
	}
	return list
}
