//go:build !race

package mysqltest

const raceDetector = false
