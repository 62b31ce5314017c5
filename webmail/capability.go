package webmail

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"restante/mailstore"
)

// A message body stands in a sandboxed document, which is a stranger to every site: its requests for pictures carry no
// SameSite cookie. The address of such a picture is therefore a capability: it names session, message and part and is signed with
// a key that lives and dies with the session.

// place names a part of a message.
type place struct {
	box         string
	uidValidity uint32
	uid         mailstore.UID
	part        string
}

// pictureURL is the address of a picture within a message body.
func (sess *session) pictureURL(p place) string {
	return fmt.Sprintf("/picture/%s/%s/%d/%d/%s/%s", sess.id, boxSegment(p.box), p.uidValidity, p.uid, p.part, sess.sign(p))
}

func (sess *session) sign(p place) string {
	mac := hmac.New(sha256.New, sess.key[:])
	fmt.Fprintf(mac, "%q %d %d %s", p.box, p.uidValidity, p.uid, p.part)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signed says whether mac is the signature of p; it takes the same time for every answer.
func (sess *session) signed(p place, mac string) bool {
	return hmac.Equal([]byte(mac), []byte(sess.sign(p)))
}
