//go:build race

package fulltext

const raceDetector = true
