package mail

import "errors"

// FateOf returns the Fate of an error from Send. An error that is not an *Error is Unknown.
func FateOf(err error) Fate {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fate
	}
	return Unknown
}
