package imapd

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"
)

// TestGoIMAPClient goes through a session with somebody else's client library,
// which parses everything that is said.
func TestGoIMAPClient(t *testing.T) {
	for _, rev2 := range []bool{false, true} {
		name := "rev1"
		if rev2 {
			name = "rev2"
		}
		t.Run(name, func(t *testing.T) { goIMAPSession(t, rev2) })
	}
}

const goIMAPMail = "From: Ann <ann@example.org>\r\nSubject: greetings\r\nMessage-ID: <1@example.org>\r\n" +
	"Content-Type: multipart/mixed; boundary=XyZ\r\n\r\n--XyZ\r\n\r\nhello\r\n--XyZ\r\nContent-Type: image/png; name=a.png\r\n" +
	"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.png\r\n\r\nAAEC\r\n--XyZ--\r\n"

func goIMAPSession(t *testing.T, rev2 bool) {
	nc, err := listen(t, testOptions(t))()
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(nc, nil)
	defer c.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Login("user", "pass").Wait())
	if rev2 {
		data, err := c.Enable(goimap.CapIMAP4rev2).Wait()
		must(err)
		if !data.Caps.Has(goimap.CapIMAP4rev2) {
			t.Error("IMAP4rev2 is not enabled")
		}
	}
	id, err := c.ID(&goimap.IDData{Name: "test"}).Wait()
	must(err)
	if id.Name != "restante" {
		t.Error("ID:", id)
	}
	ns, err := c.Namespace().Wait()
	must(err)
	if len(ns.Personal) != 1 || ns.Personal[0].Delim != '/' {
		t.Error("NAMESPACE:", ns)
	}
	must(c.Create("Entwürfe", nil).Wait())
	must(c.Subscribe("Entwürfe").Wait())
	goIMAPAppend(t, c)
	goIMAPList(t, c)
	sel, err := c.Select("INBOX", nil).Wait()
	must(err)
	if sel.NumMessages != 1 || sel.UIDNext != 2 {
		t.Errorf("SELECT: %+v", sel)
	}
	goIMAPFetch(t, c)
	goIMAPSearch(t, c)
	goIMAPChange(t, c)
	must(c.Unselect().Wait())
	must(c.Logout().Wait())
}

func goIMAPAppend(t *testing.T, c *imapclient.Client) {
	t.Helper()
	app := c.Append("INBOX", int64(len(goIMAPMail)), &goimap.AppendOptions{
		Flags: []goimap.Flag{goimap.FlagFlagged, "$Work"}, Time: time.Unix(1700000000, 0),
	})
	if _, err := io.WriteString(app, goIMAPMail); err != nil {
		t.Fatal(err)
	}
	if err := app.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := app.Wait()
	if err != nil || data.UID != 1 || data.UIDValidity != 1000 {
		t.Fatal("APPEND:", data, err)
	}
}

func goIMAPList(t *testing.T, c *imapclient.Client) {
	t.Helper()
	list, err := c.List("", "*", &goimap.ListOptions{
		ReturnSubscribed: true,
		ReturnStatus:     &goimap.StatusOptions{NumMessages: true, Size: true},
	}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range list {
		names = append(names, l.Mailbox)
		if l.Status == nil || l.Status.NumMessages == nil {
			t.Errorf("LIST: no status for %s", l.Mailbox)
		}
	}
	if d := cmp.Diff([]string{"INBOX", "Entwürfe"}, names); d != "" {
		t.Error("LIST:", d)
	}
}

func goIMAPFetch(t *testing.T, c *imapclient.Client) {
	t.Helper()
	section := &goimap.FetchItemBodySection{Peek: true}
	text := &goimap.FetchItemBodySection{Peek: true, Part: []int{1}}
	binary := &goimap.FetchItemBinarySection{Peek: true, Part: []int{2}}
	msgs, err := c.Fetch(goimap.SeqSetNum(1), &goimap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true,
		BodyStructure: &goimap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*goimap.FetchItemBodySection{section, text},
		BinarySection: []*goimap.FetchItemBinarySection{binary},
	}).Collect()
	if err != nil || len(msgs) != 1 {
		t.Fatal("FETCH:", msgs, err)
	}
	m := msgs[0]
	if m.UID != 1 || m.RFC822Size != int64(len(goIMAPMail)) || m.InternalDate.Unix() != 1700000000 {
		t.Errorf("FETCH: %+v", m)
	}
	if m.Envelope.Subject != "greetings" || len(m.Envelope.From) != 1 || m.Envelope.From[0].Addr() != "ann@example.org" {
		t.Errorf("ENVELOPE: %+v", m.Envelope)
	}
	if got := m.FindBodySection(section); string(got) != goIMAPMail {
		t.Errorf("BODY[]: %q", got)
	}
	if got := m.FindBodySection(text); string(got) != "hello" {
		t.Errorf("BODY[1]: %q", got)
	}
	if got := m.FindBinarySection(binary); !bytes.Equal(got, []byte{0, 1, 2}) {
		t.Errorf("BINARY[2]: %q", got)
	}
	mixed, isMixed := m.BodyStructure.(*goimap.BodyStructureMultiPart)
	if !isMixed || len(mixed.Children) != 2 || mixed.Extended.Params["boundary"] != "XyZ" {
		t.Errorf("BODYSTRUCTURE: %+v", m.BodyStructure)
	}
	var flags []string
	for _, f := range m.Flags {
		if f != `\Recent` {
			flags = append(flags, string(f))
		}
	}
	if got := strings.Join(flags, " "); got != `\Flagged $Work` {
		t.Errorf("FLAGS: %s", got)
	}
}

func goIMAPSearch(t *testing.T, c *imapclient.Client) {
	t.Helper()
	data, err := c.UIDSearch(&goimap.SearchCriteria{
		Header: []goimap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: "1@example"}},
		Body:   []string{"HELLO"},
	}, &goimap.SearchOptions{ReturnAll: true, ReturnCount: true, ReturnMin: true}).Wait()
	if err != nil || data.Count != 1 || data.Min != 1 || data.All.String() != "1" {
		t.Errorf("SEARCH: %+v, %v", data, err)
	}
}

func goIMAPChange(t *testing.T, c *imapclient.Client) {
	t.Helper()
	copied, err := c.Copy(goimap.UIDSetNum(1), "Entwürfe").Wait()
	if err != nil || copied.DestUIDs.String() != "1" {
		t.Fatal("COPY:", copied, err)
	}
	stored, err := c.Store(goimap.SeqSetNum(1), &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Flags: []goimap.Flag{goimap.FlagSeen}}, nil).Collect()
	if err != nil || len(stored) != 1 {
		t.Error("STORE:", stored, err)
	}
	moved, err := c.Move(goimap.SeqSetNum(1), "Entwürfe").Wait()
	if err != nil || moved.DestUIDs.(goimap.UIDSet).String() != "2" {
		t.Fatal("MOVE:", moved, err)
	}
	st, err := c.Status("Entwürfe", &goimap.StatusOptions{NumMessages: true, NumUnseen: true}).Wait()
	if err != nil || *st.NumMessages != 2 || *st.NumUnseen != 1 {
		t.Fatal("STATUS:", st, err)
	}
	if err := c.Rename("Entwürfe", "Alt", nil).Wait(); err != nil {
		t.Error("RENAME:", err)
	}
	if err := c.Delete("Alt").Wait(); err != nil {
		t.Error("DELETE:", err)
	}
}
