//go:build !race

package fulltext

const raceDetector = false
