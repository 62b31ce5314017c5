package storetest

import "restante/mailstore"

// Signs has the cursor's signs go to a channel, which keeps one until it is taken.
func Signs(c mailstore.Cursor) <-chan struct{} {
	signs := make(chan struct{}, 1)
	c.Wake(func() {
		select {
		case signs <- struct{}{}:
		default:
		}
	})
	return signs
}
