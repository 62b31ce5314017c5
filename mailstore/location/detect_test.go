package location

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const from = "=From jane@example.org Sat Mar  1 14:05:06 2003\nSubject: x\n\ny\n\n"

func TestDetect(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(p *place)
		want string // location, or what the error says
		why  string
	}{
		{"nothing", func(p *place) {}, "maildir:/home/Maildir", "no mail in"},
		{"~/Maildir", func(p *place) { p.maildir("home/Maildir") }, "maildir:/home/Maildir", "cur, new and tmp"},
		{"~/.maildir", func(p *place) { p.maildir("home/.maildir") }, "maildir:/home/.maildir", ""},
		{"the home is a Maildir", func(p *place) { p.maildir("home") }, "maildir:/home", ""},
		{"~/mail is a Maildir", func(p *place) { p.maildir("home/mail"); p.make("home/mail/cur/1:2,S" + from) }, "maildir:/home/mail", ""},
		{"half a Maildir is none", func(p *place) { p.make("home/Maildir/cur/") }, "maildir:/home/Maildir", "no mail in"},
		{"Maildir++", func(p *place) { p.maildir("home/Maildir"); p.maildir("home/Maildir/.Sent") }, "maildir:/home/Maildir", ""},
		{"LAYOUT=fs", func(p *place) { p.maildir("home/Maildir"); p.maildir("home/Maildir/Sent") }, "maildir:/home/Maildir:LAYOUT=fs", "Sent"},
		{"both layouts: the dots count", func(p *place) {
			p.maildir("home/Maildir")
			p.maildir("home/Maildir/.Sent")
			p.maildir("home/Maildir/backup")
		}, "maildir:/home/Maildir", "passed over /home/Maildir/backup"},
		{"~/mail with mbox files", func(p *place) { p.make("home/mail/sent"+from, "home/mail/empty=") }, "mbox:/home/mail", "/home/mail/sent is in mbox format"},
		{"~/Mail with one a level below", func(p *place) { p.make("home/Mail/lists/golang" + from) }, "mbox:/home/Mail", ""},
		{"~/mail with other files", func(p *place) { p.make("home/mail/notes=Fromage", "home/mail/x=F", "home/mail/.hidden"+from) }, "maildir:/home/Maildir", "no mail"},
		{"MMDF", func(p *place) { p.make("home/mail/old=\x01\x01\x01\x01\nSubject: x\n\ny\n\x01\x01\x01\x01\n") }, "mbox:/home/mail", ""},
		{"the spool", func(p *place) { p.make("spool/jane" + from) }, "mbox:/home/mail:INBOX=/spool/jane", "/spool/jane is in mbox format"},
		{"the second spool", func(p *place) { p.make("spool2/jane" + from) }, "mbox:/home/mail:INBOX=/spool2/jane", ""},
		{"both spools are one", func(p *place) { p.make("spool/jane"+from, "spool2->spool") }, "mbox:/home/mail:INBOX=/spool/jane", ""},
		{"an empty spool file is made for everybody", func(p *place) { p.make("spool/jane="); p.maildir("home/Maildir") }, "maildir:/home/Maildir", ""},
		{"a Maildir in the spool", func(p *place) { p.maildir("spool/jane") }, "maildir:/spool/jane", ""},
		{"spool and ~/mail", func(p *place) { p.make("spool/jane"+from, "home/mail/sent"+from) }, "mbox:/home/mail:INBOX=/spool/jane", ""},
		{"~/mbox", func(p *place) { p.make("home/mbox" + from) }, "mbox:/home/mail:INBOX=/home/mbox", ""},
		{"~/mbox of mail(1) beside the spool", func(p *place) { p.make("home/mbox"+from, "spool/jane"+from) }, "mbox:/home/mail:INBOX=/spool/jane", ""},
		{"one place by two names", func(p *place) { p.maildir("home/Maildir"); p.make("home/mail->Maildir") }, "maildir:/home/Maildir", ""},
		{"Maildir and spool", func(p *place) { p.maildir("home/Maildir"); p.make("spool/jane" + from) },
			`several mail locations: "maildir:/home/Maildir", because it has cur, new and tmp; and "mbox:/home/mail:INBOX=/spool/jane", because /spool/jane is in mbox format. Say which one it is: write userdb_mail=maildir:/home/Maildir or userdb_mail=mbox:/home/mail:INBOX=/spool/jane into`, ""},
		{"Maildir and mbox files", func(p *place) { p.maildir("home/Maildir"); p.make("home/mail/sent" + from) }, "several mail locations", ""},
		{"two Maildirs", func(p *place) { p.maildir("home/Maildir"); p.maildir("home/mail") }, "several mail locations", ""},
		{"~/mail and ~/Mail", func(p *place) { p.make("home/mail/sent"+from, "home/Mail/sent"+from) }, "several mail locations", ""},
		{"the spool of another user of the machine", func(p *place) {
			p.make("spool/jane" + from)
			p.user.UID = 54321
		}, "maildir:/home/Maildir", "passed over /spool/jane: it belongs to user id"},
		{"something that cannot be looked at", func(p *place) { p.make("home/Maildir->Maildir") }, "too many levels of symbolic links", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			test.make(p)
			r, err := p.store().Resolve(p.user)
			got := r.Location.String()
			if err != nil {
				got = err.Error()
			}
			if got = p.short(got); got != test.want && (err == nil || !strings.Contains(got, test.want)) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if why := p.short(r.Why); !strings.Contains(why, test.why) || err == nil && why == "" {
				t.Errorf("why is %q, want %q", why, test.why)
			}
			if _, err := os.Stat(filepath.Join(p.root, "data/locations")); err == nil {
				t.Error("Resolve has written something")
			}
		})
	}
}

func TestMboxInboxComesAndGoes(t *testing.T) {
	p := newPlace(t)
	p.make("spool/jane"+from, "home/mail/sent"+from)
	want := "mbox:/home/mail:INBOX=/spool/jane"
	resolve := func() string {
		r, err := p.store().Resolve(p.user)
		p.must(err)
		return p.short(r.Location.String())
	}
	if got := resolve(); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	r, err := p.store().Resolve(p.user)
	p.must(err)
	p.must(p.store().remember(p.user, r))
	p.remove("spool/jane")
	if got := resolve(); got != want {
		t.Errorf("with an empty spool %q, want %q", got, want)
	}
	p.remove("home/mail/sent")
	if got := resolve(); got != want {
		t.Errorf("without any mail %q, want %q", got, want)
	}
}
