package reminder

import "errors"

// A Text is what a person reads, in the program's two languages.
type Text struct{ ID, EN string }

// In returns the text in a locale: Indonesian unless it begins with "en".
func (t Text) In(locale string) string {
	if len(locale) >= 2 && locale[:2] == "en" {
		return t.EN
	}
	return t.ID
}

// A Fault is a failure that a person can mend. It says what is wrong and what to do next.
type Fault struct {
	Temporary bool // trying again later may help (database down); else something must be set up
	Text      Text
	Err       error // the cause, or nil; without personal data and secrets
}

// Error returns the English text and the cause.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Text.EN
	}
	return f.Text.EN + " (" + f.Err.Error() + ")"
}

// In returns the text in a locale, with the cause.
func (f *Fault) In(locale string) string {
	if f.Err == nil {
		return f.Text.In(locale)
	}
	return f.Text.In(locale) + " (" + f.Err.Error() + ")"
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// IsTemporary reports whether trying again later may help against err. An error that is no Fault may be one of the
// moment, so it counts as temporary.
func IsTemporary(err error) bool {
	f, ok := errors.AsType[*Fault](err)
	return !ok || f.Temporary
}

// Localize returns err's text for a person in a locale.
func Localize(err error, locale string) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.In(locale)
	}
	return err.Error()
}
