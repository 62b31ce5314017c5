package shared

import (
	"crypto/sha256"
	"encoding/hex"
)

// foreignID is the object id of somebody else's mailbox, as the user is told it. An
// account sees to it that no two mailboxes of its own have the same, and no further: one
// that was made by copying another has that one's. So the owner is a part of it.
func foreignID(owner, id string) string {
	sum := sha256.Sum256([]byte(owner))
	return id + hex.EncodeToString(sum[:8])
}
