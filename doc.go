// Package restante holds the tests of the project as a whole; the program is
// cmd/restante.
package restante
