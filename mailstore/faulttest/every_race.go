//go:build race

package faulttest

// every is how far apart the file operations are that are visited. The race
// detector, which looks for something else and is slow, sees some of them.
const every = 6
