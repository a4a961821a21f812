// Package release tests what dist.sh makes: the setup program under Wine (make test-setup), and that the manifests for
// winget and Scoop fit it. It has no code of its own.
package release
