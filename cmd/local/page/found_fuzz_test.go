package page

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// FuzzFound: the settings files of other systems are read without harm, and only a database's settings come out of
// them.
func FuzzFound(f *testing.F) {
	for _, seed := range []string{"DB_HOST=db\nAPP_KEY=x", `define('DB_HOST', 'a\'b');`,
		"<hostname>db</hostname><pass>a&amp;b</pass>", `'port' => 3306`, "'"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		readLaravel(data)
		for _, found := range []map[string]string{readPHP(data), readXML(data)} {
			for key := range found {
				assert.Regexp(t, "^DB_(HOST|PORT|DATABASE|USERNAME|PASSWORD)$", key)
			}
		}
	})
}
