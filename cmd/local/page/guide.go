package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"

	"github.com/mtsn6garut/pengingat/deploy"
	"github.com/mtsn6garut/pengingat/docs/panduan"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// The guide, and the rights of the everyday database user: what is read, printed or given to somebody else.

// guide is the guide's page, and a policy that lets its own script run and no other.
var guide = sync.OnceValues(func() (page []byte, policy string) {
	var b bytes.Buffer
	if err := panduan.Write(&b); err != nil {
		panic(err) // it is part of the program
	}
	_, rest, _ := bytes.Cut(b.Bytes(), []byte("<script>"))
	script, _, _ := bytes.Cut(rest, []byte("</script>"))
	sum := sha256.Sum256(script)
	return b.Bytes(), "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'"
})

// showGuide is the page that 'pengingat guide' writes: all of the guide, with its search.
func showGuide(v *visit) error {
	page, policy := guide()
	h := v.w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = v.w.Write(page) // whoever asked may have gone
	return errDone
}

// showGrants is the SQL that 'pengingat grants' prints, as a file for the database's administrator.
func showGrants(v *visit) error {
	environ, _, err := v.d.Machine.Environ()
	if err != nil {
		return err
	}
	cfg, err := setup.LoadDatabase(environ)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/sql; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="hak-pengingat.sql"`)
	_, _ = fmt.Fprint(v.w, deploy.GrantsFor(cfg.DBDatabase, cfg.DBLocal())) // whoever asked may have gone
	return errDone
}
