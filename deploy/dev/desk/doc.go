// Package desk tries out the desk in a real browser, as a person would: 'make test-desk'. It is a module of its own, so
// that what drives the browser is no dependency of the program.
package desk
