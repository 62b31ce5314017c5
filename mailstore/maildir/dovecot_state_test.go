package maildir_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// state is what both must agree in.
type state struct {
	boxes      map[string][]string // validity and UIDNEXT, then a line for each message
	subscribed []string
}

var (
	quoted   = regexp.MustCompile(`"([^"]*)"\r?\n?$`)
	fetched  = regexp.MustCompile(`UID (\d+) .*FLAGS \(([^)]*)\)`)
	sized    = regexp.MustCompile(`RFC822\.SIZE (\d+)`)
	dated    = regexp.MustCompile(`INTERNALDATE "([^"]*)"`)
	subjects = regexp.MustCompile(`Subject: (\S+)`)
	numbers  = regexp.MustCompile(`UIDNEXT (\d+).*UIDVALIDITY (\d+)`)
)

func (d *dovecot) state() state {
	d.t.Helper()
	s := state{boxes: make(map[string][]string)}
	for line := range strings.Lines(d.do(`LIST "" *`)) {
		if m := listName(line); m != "" && !regexp.MustCompile(`(?i)\\no(select|nexistent)`).MatchString(line) {
			s.boxes[m] = nil
		}
	}
	for line := range strings.Lines(d.do(`LSUB "" *`)) {
		s.subscribed = append(s.subscribed, listName(line))
	}
	slices.Sort(s.subscribed)
	for name := range s.boxes {
		s.boxes[name] = d.box(name)
	}
	return s
}

// listName reads the name at the end of a LIST reply.
func listName(line string) string {
	line = strings.TrimSpace(line)
	if m := quoted.FindStringSubmatch(line); m != nil && !strings.HasSuffix(line, `"." ""`) {
		return m[1]
	}
	return line[strings.LastIndexByte(line, ' ')+1:]
}

func (d *dovecot) box(name string) []string {
	d.t.Helper()
	m := numbers.FindStringSubmatch(d.do("STATUS %q (UIDNEXT UIDVALIDITY)", name))
	list := []string{"next " + m[1] + " validity " + m[2]}
	d.do("EXAMINE %q", name)
	replies := d.do("UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
	for _, reply := range strings.Split(replies, "\n* ") {
		f := fetched.FindStringSubmatch(reply)
		if f == nil {
			continue
		}
		date, err := time.Parse("_2-Jan-2006 15:04:05 -0700", dated.FindStringSubmatch(reply)[1])
		if err != nil {
			d.t.Fatal(err)
		}
		var flags []string
		for _, flag := range strings.Fields(f[2]) {
			if flag != `\Recent` {
				flags = append(flags, flag)
			}
		}
		slices.Sort(flags)
		list = append(list, fmt.Sprintf("%s %s size %s date %d %s", f[1], flags, sized.FindStringSubmatch(reply)[1], date.Unix(), subjects.FindStringSubmatch(reply)[1]))
	}
	return list
}

// encoder writes names as IMAP does; the mailboxes' names are plain but for one.
var encoder = strings.NewReplacer("Entwürfe", "Entw&APw-rfe", "Müll", "M&APw-ll")

func ourState(t *testing.T, acct mailstore.Account) state {
	t.Helper()
	s := state{boxes: make(map[string][]string)}
	list, err := acct.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		if in.Subscribed {
			s.subscribed = append(s.subscribed, encoder.Replace(in.Name))
		}
		if !in.NoSelect {
			s.boxes[encoder.Replace(in.Name)] = ourBox(t, acct, in.Name)
		}
	}
	slices.Sort(s.subscribed)
	return s
}

func ourBox(t *testing.T, acct mailstore.Account, name string) []string {
	t.Helper()
	m, err := acct.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Fill(t.Context(), mailstore.AllUIDs(), mailstore.AttrSize|mailstore.AttrDate); err != nil {
		t.Fatal(err)
	}
	list := []string{fmt.Sprintf("next %d validity %d", m.Status().UIDNext, m.UIDValidity())}
	for _, uid := range uidsOf(m) {
		r, _ := m.Record(uid)
		id, err := subject(t, m, uid)
		if err != nil {
			t.Fatal(err)
		}
		flags := r.Flags.Keywords.List()
		for i, name := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`} {
			if r.Flags.Has(1 << i) {
				flags = append(flags, name)
			}
		}
		slices.Sort(flags)
		list = append(list, fmt.Sprintf("%d %s size %d date %d %s", uid, flags, r.Size, r.Date, id))
	}
	return list
}

func compareStates(t *testing.T, when string, dovecots, ours state) {
	t.Helper()
	if a, b := sortedKeys(dovecots.boxes), sortedKeys(ours.boxes); !slices.Equal(a, b) {
		t.Errorf("%s: Dovecot lists %q, we list %q", when, a, b)
	}
	if !slices.Equal(dovecots.subscribed, ours.subscribed) {
		t.Errorf("%s: Dovecot subscribes %q, we %q", when, dovecots.subscribed, ours.subscribed)
	}
	for name, want := range dovecots.boxes {
		if got := ours.boxes[name]; !slices.Equal(got, want) {
			t.Errorf("%s: %s is for Dovecot\n  %s\nand for us\n  %s", when, name, strings.Join(want, "\n  "), strings.Join(got, "\n  "))
		}
	}
}
