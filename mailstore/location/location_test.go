package location

import (
	"strings"
	"testing"

	"restante/mailstore"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want Location
		back string // how String writes it
	}{
		{"", Location{Format: Auto}, "auto"},
		{"auto", Location{Format: Auto}, "auto"},
		{"maildir:~/Maildir", Location{Format: Maildir, Path: "~/Maildir", Layout: LayoutMaildirPP}, "maildir:~/Maildir"},
		{"Maildir:/m:layout=FS", Location{Format: Maildir, Path: "/m", Layout: LayoutFS}, "maildir:/m:LAYOUT=fs"},
		{"maildir:/m:LAYOUT=Maildir++:INBOX=/i", Location{Format: Maildir, Path: "/m", Layout: LayoutMaildirPP, Inbox: "/i"}, "maildir:/m:INBOX=/i"},
		{"mbox:~/mail:INBOX=/var/mail/%u", Location{Format: Mbox, Path: "~/mail", Inbox: "/var/mail/%u"}, "mbox:~/mail:INBOX=/var/mail/%u"},
		{"mbox:~/mail:LAYOUT=fs", Location{Format: Mbox, Path: "~/mail"}, "mbox:~/mail"},
		{"maildir:~/Maildir:CONTROL=/var/control/%u:INBOX=/i", Location{Format: Maildir, Path: "~/Maildir", Layout: LayoutMaildirPP, Inbox: "/i", Control: "/var/control/%u"}, "maildir:~/Maildir:INBOX=/i:CONTROL=/var/control/%u"},
		// Dovecot's caches are not ours.
		{"maildir:~/Maildir:INDEX=/var/idx/%u:VOLATILEDIR=/tmp/%u", Location{Format: Maildir, Path: "~/Maildir", Layout: LayoutMaildirPP}, "maildir:~/Maildir"},
		{"maildir:/with::colon:INBOX=/a::b", Location{Format: Maildir, Path: "/with:colon", Layout: LayoutMaildirPP, Inbox: "/a:b"}, "maildir:/with::colon:INBOX=/a::b"},
	} {
		got, err := Parse(test.text)
		if err != nil || got != test.want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", test.text, got, err, test.want)
		}
		if got.String() != test.back {
			t.Errorf("%q is written back as %q, want %q", test.text, got, test.back)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ text, says string }{
		{"dbox:~/x", `write "auto", "maildir:PATH`},
		{"/home/jane/Maildir", `write "auto"`},
		{"maildir", "path is missing"},
		{"maildir:", "path is missing"},
		{"maildir::LAYOUT=fs", `write "auto"`},
		{"maildir:~/m:LAYOUT=index", "write LAYOUT=fs"},
		{"mbox:~/m:LAYOUT=maildir++", "write LAYOUT=fs"},
		{"mbox:~/m:CONTROL=/c", "possible for maildir only"},
		{"maildir:~/m:CONTROL=", "CONTROL= needs a path"},
		{"maildir:~/m:CONTROL=/c/%x", "%x is unknown"},
		{"maildir:~/m:INBOX=", "needs a path"},
		{"maildir:~/m:ALT=/c", "ALT= is unknown"},
		{"maildir:~/%x", "%x is unknown"},
		{"maildir:~/%", "% is unknown"},
		{"maildir:~/%{host}", "%{host} is unknown"},
		{"maildir:~/m:INBOX=/%1", "is unknown"},
	} {
		got, err := Parse(test.text)
		if err == nil || !strings.Contains(err.Error(), test.says) || got != (Location{}) {
			t.Errorf("Parse(%q) = %+v, %v; want an error that says %q", test.text, got, err, test.says)
		}
	}
}

func TestExpand(t *testing.T) {
	vals := map[byte]string{'u': "Jane.Doe@Example.org", 'n': "Jane.Doe", 'd': "Example.org", 'h': "/home/jane"}
	for _, test := range []struct{ text, want string }{
		{"plain", "plain"},
		{"%h/%d/%n", "/home/jane/Example.org/Jane.Doe"},
		{"%u", "Jane.Doe@Example.org"},
		{"%Lu", "jane.doe@example.org"},
		{"%Un", "JANE.DOE"},
		{"%1n/%n", "J/Jane.Doe"},
		{"%1Ln", "j"},
		{"%2.1n", "n"},
		{"%5.3Un", "DOE"},
		{"%99.1n", ""},
		{"%-3.2n", "Do"},
		{"%-99.2n", "Ja"},
		{"%0.-4n", "Jane"},
		{"%012n", "0000Jane.Doe"},
		{"%12n", "Jane.Doe"},
		{"100%%", "100%"},
		{"%{user}|%{username}|%{domain}|%{home}", "Jane.Doe@Example.org|Jane.Doe|Example.org|/home/jane"},
	} {
		got, err := expand(test.text, vals)
		if err != nil || got != test.want {
			t.Errorf("expand(%q) = %q, %v; want %q", test.text, got, err, test.want)
		}
	}
}

func TestExpandPaths(t *testing.T) {
	jane := mailstore.User{Name: "jane@example.org", Home: "/home/jane"}
	for _, test := range []struct{ why, text, want string }{
		{"home", "maildir:~/Maildir", "maildir:/home/jane/Maildir"},
		{"the home itself", "maildir:~", "maildir:/home/jane"},
		{"relative to the home", "maildir:Maildir", "maildir:/home/jane/Maildir"},
		{"absolute", "mbox:/srv/%d/%1n/%n/:INBOX=/var/mail/%u", "mbox:/srv/example.org/j/jane:INBOX=/var/mail/jane@example.org"},
		{"control files", "maildir:~/Maildir:CONTROL=~/c::d/%n", "maildir:/home/jane/Maildir:CONTROL=/home/jane/c::d/jane"},
		{"by %h", "maildir:%h/m/../n", "maildir:/home/jane/n"},
	} {
		l, err := Parse(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if l, err = l.expandFor(jane); err != nil || l.String() != test.want {
			t.Errorf("%s: %q becomes %q, %v; want %q", test.why, test.text, l, err, test.want)
		}
	}
	for _, test := range []struct{ why, name, text string }{
		{"a slash leads elsewhere", "../joe", "maildir:/srv/%u"},
		{"a dot is a directory", ".", "maildir:/srv/%u"},
		{"two dots leave it", "..@example.org", "maildir:/srv/%d/%n"},
		{"also in the domain", "x@..", "maildir:/srv/%d/%n"},
		{"no name at all", "", "maildir:/srv/%u"},
		{"the home of somebody else", "jane", "maildir:~joe/Maildir"},
	} {
		l, err := Parse(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.expandFor(mailstore.User{Name: test.name, Home: "/h"}); err == nil {
			t.Errorf("%s: %q for %q becomes %q", test.why, test.text, test.name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"auto", "maildir:~/Maildir:LAYOUT=fs:INBOX=/i", "mbox:%h::%1.2Lu:INBOX=%%", "maildir:%{user}:INDEX=MEMORY", "maildir:x:CONTROL=~/%u"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Parse(text)
		if err != nil {
			if l != (Location{}) {
				t.Errorf("%q: %+v beside the error %v", text, l, err)
			}
			return
		}
		again, err := Parse(l.String())
		if err != nil || again != l {
			t.Errorf("%q is written as %q and read as %+v, %v; want %+v", text, l, again, err, l)
		}
		if l.Format == Auto {
			return
		}
		if l, err = l.expandFor(mailstore.User{Name: "jane@example.org", Home: "/h"}); err == nil && !strings.HasPrefix(l.Path, "/") {
			t.Errorf("%q leads to %q", text, l.Path)
		}
	})
}
