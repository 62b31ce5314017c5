package pop3d

import "restante/mailstore"

// AppendUIDL appends the UIDL of a message: UID and UIDVALIDITY, each in eight hexadecimal digits of lower
// case. That is Dovecot's default, %08Xu%08Xv (in version 2.4 %{uid | hex(8)}%{uidvalidity | hex(8)}), so a
// client that has taken its mail from a Dovecot over the same files takes none of it again. As the store
// never gives a UID twice under one UIDVALIDITY, no UIDL names two messages; clients lose mail where one does
// (cyrusimap/cyrus-imapd#374).
func AppendUIDL(b []byte, uid mailstore.UID, uidValidity uint32) []byte {
	return appendHex(appendHex(b, uint32(uid)), uidValidity)
}

func appendHex(b []byte, n uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}
