package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"

	"github.com/mtsn6garut/pengingat/docs/panduan"
)

// guide returns the page of the guide, and a policy that allows the page's own script only.
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

// showGuide answers with the page that 'pengingat guide' writes.
func showGuide(v *visit) error {
	page, policy := guide()
	return v.send(http.StatusOK, html, policy, page)
}
