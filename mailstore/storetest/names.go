package storetest

import (
	"errors"
	"slices"

	"restante/mailstore"
)

var nameTests = []test{
	{"that no format can hold", namesRefused},
	{"that every format must hold", namesUsual},
	{"that are held as they are or refused", namesOdd},
}

func namesRefused(e *env) {
	d := e.name("", "")
	for _, name := range []string{"", d, d + d, "a" + d + d + "b", d + "a", "a\x00b", "a\xffb"} {
		e.is(e.acct.Create(e.ctx, name), mailstore.ErrInvalidName, "create")
		e.is(e.acct.Rename(e.ctx, mailstore.Inbox, name), mailstore.ErrInvalidName, "rename")
		if _, err := e.acct.Open(e.ctx, name); !errors.Is(err, mailstore.ErrNotFound) && !errors.Is(err, mailstore.ErrInvalidName) {
			e.Errorf("open %q: %v", name, err)
		}
		if err := e.acct.Subscribe(e.ctx, name, true); name != d && err == nil {
			e.Errorf("subscribed to %q", name)
		}
	}
	e.wantNames(mailstore.Inbox)
}

func namesUsual(e *env) {
	for _, name := range []string{"Entwürfe", "Sent Items", "日本語", "a&b", "Arbeit & Spaß", "INBOXES", "Papelera de reciclaje"} {
		if err := cycleName(e, name); err != nil {
			e.Errorf("%q: %v", name, err)
		}
	}
}

// namesOdd must not be mixed up with files that the format keeps for itself,
// with one another, or with places elsewhere in the file system.
func namesOdd(e *env) {
	odd := []string{
		" lead", "trail ", "~", "~home", "~/x", "&", "&AOk-", "&-", "a&-b", "-", "--help", `back\slash`, `"quoted"`, "'", "$HOME", "`id`", "*", "%", "a*b%c",
		".", "..", ".hidden", "a.b", "a/b", "a..b", "../x", "../../etc/passwd", "/etc/passwd", "cur", "new", "tmp", "x.lock", "INBOX.lock", ".lock",
		"dovecot-uidlist", "dovecot.index", "subscriptions", "maildirfolder", ".subscriptions", "Maildir", "inbox2", ".INBOX", "mbox", ".imap",
		"Caf\u00e9", "Cafe\u0301", "\u202egnp.exe", "\u00a0", "📬", "tab\there", "line\nbreak", "cr\rhere", "\x7f", "\u0085",
		string(slices.Repeat([]byte("x"), 250)), string(slices.Repeat([]byte("ü"), 100)), string(slices.Repeat([]byte("x"), 5000)),
	}
	for _, name := range odd {
		if err := cycleName(e, name); err != nil && !errors.Is(err, mailstore.ErrInvalidName) {
			e.Errorf("%q: %v", shorten(name), err)
		}
	}
	e.wantNames(mailstore.Inbox)
}

// cycleName takes a mailbox of the name through its life. The error is
// ErrInvalidName only when nothing was made.
func cycleName(e *env, name string) error {
	e.Helper()
	if err := e.acct.Create(e.ctx, name); err != nil {
		if got := e.names(true); len(got) != 1 {
			return errors.New("was refused but something was made")
		}
		return err
	}
	m := e.box(name)
	uids := e.add(m, text("x"))
	if m.Name() != name {
		e.Errorf("%q opens as %q", name, m.Name())
	}
	e.ok(e.acct.Subscribe(e.ctx, name, true), "subscribe")
	e.reopen()
	if in, found := e.info(name); !found || in.NoSelect || !in.Subscribed {
		e.Errorf("%q is listed as %+v, %v; all names: %q", shorten(name), in, found, e.names(false))
	}
	m = e.box(name)
	e.wantUIDs(m, uids...)
	e.ok(e.acct.Rename(e.ctx, name, "other"), "rename")
	e.ok(e.acct.Rename(e.ctx, "other", name), "rename back")
	e.wantUIDs(m, uids...)
	e.ok(e.acct.Delete(e.ctx, name), "delete")
	e.ok(e.acct.Subscribe(e.ctx, name, false), "unsubscribe")
	e.wantNames(mailstore.Inbox)
	return nil
}
