// Package soak tells tests how much work to do. `make test` must end within minutes on two cores, so tests that draw
// random input, kill processes or fill tables do little there; `make soak` sets LINLI_SOAK=1 and they do much.
//
// Only tests import it. The number of rapid's checks is not its business: the soak run passes -rapid.checks.
package soak

import "os"

// Enabled reports whether this is the long run (LINLI_SOAK is set and not "0").
func Enabled() bool {
	v := os.Getenv("LINLI_SOAK")
	return v != "" && v != "0"
}

// Count returns quick in an ordinary run and long in a soak run.
func Count(quick, long int) int {
	if Enabled() {
		return long
	}
	return quick
}
