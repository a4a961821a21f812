package page

import (
	htmltext "html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// A Found is a configuration file of a library system that names its database.
type Found struct {
	File, System string // System is the name of a source
	Database     string
	Values       map[string]string // as settings
}

// places has the configuration files of library systems, relative to a folder for web applications.
var places = []struct {
	system, pattern string
	read            func(data []byte) map[string]string
}{
	{"perpustakaan", ".env", readLaravel},
	{"slims", "config/database.php", readPHP},
	{"slims", "config/sysconfig.local.inc.php", readPHP},
	{"koha", "koha-conf.xml", readXML},
}

// Roots returns the folders in which web servers keep applications. find looks in them and up to two levels below.
func Roots() (folders []string) {
	for _, drive := range []string{`C:`, `D:`, `E:`} {
		for _, folder := range []string{`laragon\www`, `xampp\htdocs`, `web`, `wamp64\www`, `inetpub\wwwroot`} {
			folders = append(folders, drive+`\`+folder)
		}
	}
	return append(folders, "/var/www", "/srv", "/etc/koha/sites")
}

// find returns the configurations that name a database. It skips files that it cannot read.
func find(roots []string) (found []Found) {
	for _, root := range roots {
		for _, depth := range []string{"", "*", "*/*"} {
			for _, place := range places {
				files, _ := filepath.Glob(filepath.Join(root, depth, filepath.FromSlash(place.pattern))) // no pattern is malformed
				for _, file := range files {
					data, err := os.ReadFile(file)
					if err != nil || len(data) > 1<<20 {
						continue
					}
					if values := place.read(data); values["DB_DATABASE"] != "" {
						found = append(found, Found{file, place.system, values["DB_DATABASE"], values})
					}
				}
			}
		}
	}
	return found
}

// readLaravel reads a Laravel .env. It returns nil if its database is neither MySQL nor MariaDB.
func readLaravel(data []byte) map[string]string {
	values, err := setup.ParseDotenv(data, nil)
	if err != nil || !slices.Contains([]string{"", "mysql", "mariadb"}, values["DB_CONNECTION"]) {
		return nil
	}
	known := setup.Keys()
	maps.DeleteFunc(values, func(key, _ string) bool { return !slices.Contains(known, key) })
	return values
}

// names maps what other systems call the settings of a database to ours.
var names = map[string]string{
	"host": "DB_HOST", "hostname": "DB_HOST", "port": "DB_PORT", "database": "DB_DATABASE", "name": "DB_DATABASE",
	"username": "DB_USERNAME",
	"user":     "DB_USERNAME", "password": "DB_PASSWORD", "pass": "DB_PASSWORD",
}

var (
	phpSetting = regexp.MustCompile(`(?i)['"](?:DB_)?(host|port|database|name|username|password)['"]\s*(?:=>|,)\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\d+))`)
	phpComment = regexp.MustCompile(`(?m)^\s*(//|#|\*|/\*).*$`)
	xmlSetting = regexp.MustCompile(`<(hostname|port|database|user|pass)>([^<]*)</`)
)

func readPHP(data []byte) map[string]string {
	unescape := strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`)
	return read(phpSetting, phpComment.ReplaceAllString(string(data), ""), unescape.Replace)
}

func readXML(data []byte) map[string]string {
	return read(xmlSetting, string(data), htmltext.UnescapeString)
}

// read collects the settings that a pattern finds: the first group is the name, one of the others the value. Of several
// values for a name the first is in use.
func read(setting *regexp.Regexp, data string, unescape func(string) string) map[string]string {
	values := map[string]string{}
	for _, m := range setting.FindAllStringSubmatch(data, -1) {
		key := names[strings.ToLower(m[1])]
		if _, ok := values[key]; !ok {
			values[key] = unescape(strings.Join(m[2:], ""))
		}
	}
	return values
}

// signs has the tables by which a library system is recognised.
var signs = map[string][]string{
	"perpustakaan": {"users", "buku", "peminjaman"},
	"slims":        {"member", "biblio", "loan"},
	"koha":         {"borrowers", "biblio", "issues"},
}

// recognise returns the source whose tables the database has, or "".
func recognise(schema schema.Schema) string {
	for _, source := range slices.Sorted(maps.Keys(signs)) {
		if !slices.ContainsFunc(signs[source], func(table string) bool { return !schema.Has(table) }) {
			return source
		}
	}
	return ""
}
