package setup

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Spread replaces MAIL_URL and DB_URL (DATABASE_URL before Laravel 11) by the keys of their parts, as Laravel 9 to 12
// do: the URL wins over a single key. A URL that it cannot parse stays and is an error; a misspelt key is one, too.
func Spread(environ map[string]string) error {
	var p problems
	p.unknown(environ)
	p.spread(environ)
	return p.fault()
}

func (p *problems) spread(environ map[string]string) {
	if environ["DB_URL"] == "" {
		if old := environ["DATABASE_URL"]; old != "" {
			environ["DB_URL"] = old
			delete(environ, "DATABASE_URL")
		}
	}
	p.spreadURL(environ, "DB_URL", map[string]string{"mysql": "", "mysql2": "", "mariadb": ""}, map[string]string{
		"host": "DB_HOST", "port": "DB_PORT", "user": "DB_USERNAME", "password": "DB_PASSWORD", "path": "DB_DATABASE",
		"unix_socket": "DB_SOCKET", "charset": "", "collation": "",
	})
	if Meaning(environ["MAIL_MAILER"]) == "smtp" { // MAIL_URL belongs to this mailer
		p.spreadURL(environ, "MAIL_URL", map[string]string{"smtp": "", "smtps": "smtps"}, map[string]string{
			"host": "MAIL_HOST", "port": "MAIL_PORT", "user": "MAIL_USERNAME", "password": "MAIL_PASSWORD", "path": "",
			"scheme": "MAIL_SCHEME", "encryption": "MAIL_ENCRYPTION",
		})
	}
}

// spreadURL spreads one URL. schemes has the value of MAIL_SCHEME for each supported scheme, and parts the key of each
// part of the URL.
func (p *problems) spreadURL(environ map[string]string, key string, schemes, parts map[string]string) {
	if environ[key] == "" {
		return
	}
	u, err := url.Parse(Meaning(environ[key]))
	if err != nil { // the error would show the password
		p.must(false, key, "config.url_unreadable", "Key", key[:strings.Index(key, "_")])
		return
	}
	scheme, ok := schemes[u.Scheme]
	if !ok || u.Host == "" {
		p.must(false, key, "config.kind_not_supported", "Scheme", u.Scheme)
		return
	}
	password, _ := u.User.Password()
	values := map[string]string{"host": strings.Trim(u.Hostname(), "[]"), "port": u.Port(), "user": u.User.Username(),
		"password": password, "path": strings.TrimPrefix(u.Path, "/"), "scheme": scheme}
	for name, value := range u.Query() {
		values[name] = value[0]
	}
	for name, value := range values {
		part, ok := parts[name]
		switch {
		case value == "":
		case !ok && name != "scheme":
			p.must(false, key, "config.url_option_unsupported", "Name", name)
		case part != "":
			environ[part] = Literal(value)
		}
	}
	delete(environ, key)
}

// zones has, for each time zone, the names of zones and cities that people in Indonesia use.
var zones = map[string]string{
	"Asia/Jakarta": "wib,utc+7,gmt+7,+7,indonesia barat,aceh,banda aceh,medan,padang,pekanbaru,batam,tanjungpinang," +
		"jambi,palembang,pangkalpinang,bengkulu,lampung,bandar lampung,serang,banten,tangerang,jakarta,bogor,depok,bekasi," +
		"bandung,cirebon,garut,tasikmalaya,sukabumi,semarang,solo,surakarta,yogyakarta,jogja,surabaya,malang,pontianak," +
		"palangkaraya,palangka raya",
	"Asia/Makassar": "wita,utc+8,gmt+8,+8,indonesia tengah,makassar,ujung pandang,denpasar,bali,mataram,lombok,kupang," +
		"banjarmasin,banjarbaru,balikpapan,samarinda,tarakan,manado,gorontalo,palu,mamuju,kendari",
	"Asia/Jayapura": "wit,utc+9,gmt+9,+9,indonesia timur,jayapura,ambon,ternate,tidore,sofifi,sorong,manokwari,nabire," +
		"timika,merauke,wamena,papua,maluku",
}

// Zone returns the time zone that a text names: WIB, WITA, WIT, a city, or a name of the zone database in upper or
// lower case. It returns any other text unchanged.
func Zone(text string) string {
	text = strings.TrimSpace(text)
	for zone, names := range zones {
		if slices.Contains(strings.Split(names, ","), strings.ToLower(text)) {
			return zone
		}
	}
	begin := true
	title := strings.Map(func(r rune) rune {
		defer func() { begin = !unicode.IsLetter(r) }()
		switch {
		case r == ' ':
			return '_'
		case begin:
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, text)
	for _, name := range []string{text, title, "Asia/" + title} {
		if _, err := time.LoadLocation(name); err == nil && name != "" {
			return name
		}
	}
	return text
}
