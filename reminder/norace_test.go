//go:build !race

package reminder_test

const raceDetector = false
