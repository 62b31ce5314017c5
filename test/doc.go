// Package test holds the tests of the whole program: it is built, started on a
// data directory of its own, spoken to by raw connections and by the field's
// real clients, killed, and started again.
package test
