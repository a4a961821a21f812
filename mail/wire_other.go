//go:build !unix

package mail

// readable cannot tell on this system: it may be.
func (w *wire) readable() bool { return true }
