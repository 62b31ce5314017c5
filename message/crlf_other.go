//go:build !amd64

package message

// hasBlocks: there is no crlfBlocks for this processor.
func hasBlocks() bool { return false }

func crlfBlocks(_, _ []byte) (n, used int) { return 0, 0 }
