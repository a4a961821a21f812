// Package feedback learns what became of mail after it was accepted: what came back ([Return]), what was complained about, and
// whether an email of unknown outcome was accepted after all.
package feedback
