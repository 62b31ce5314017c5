//go:build !race

package faulttest

// every is how far apart the file operations are that are visited: each is.
const every = 1
