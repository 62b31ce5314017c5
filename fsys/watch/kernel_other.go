//go:build !linux

package watch

import "errors"

func openKernel() (kernel, error) { return nil, errors.ErrUnsupported }

// remote matters only where the kernel tells of local changes.
func remote(string) bool { return false }
