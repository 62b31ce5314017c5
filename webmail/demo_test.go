package webmail_test

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"restante/auth"
	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/webmail"
)

// The demonstration: `go test ./webmail -run TestDemo -demo 127.0.0.1:8443` serves the webmail with the corpus as mail,
// until it is interrupted. Sign in as amelie with the password below.
var demo = flag.String("demo", "", "address to serve the webmail with messages of the corpus on")

const (
	testUser     = "amelie@example.org"
	testPassword = "correct horse"
)

func TestDemo(t *testing.T) {
	if *demo == "" {
		t.Skip("only with -demo ADDRESS")
	}
	store := demoStore(t)
	srv := httptest.NewUnstartedServer(webmail.New(webmail.Options{Store: store, Auth: oneUser{}, Hostname: "mail.example.org",
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}))
	ln, err := net.Listen("tcp", *demo)
	if err != nil {
		t.Fatal(err)
	}
	srv.Listener = ln
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	defer srv.Close()
	fmt.Println(srv.URL, testUser, testPassword)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-ctx.Done()
}

// oneUser lets testUser in.
type oneUser struct{}

func (oneUser) Authenticate(_ context.Context, _ net.Addr, name, password string) (auth.User, error) {
	switch {
	case name == "broken":
		return auth.User{}, errors.New("the table cannot be read")
	case name == "guessed":
		return auth.User{}, fmt.Errorf("%w: too many wrong passwords", auth.ErrUnavailable)
	case name != testUser || password != testPassword:
		return auth.User{}, fmt.Errorf("table: %w", auth.ErrCredentials)
	}
	return auth.User{Name: name}, nil
}

// Mark never changes.
func (oneUser) Mark(name string) (string, bool) { return "", name == testUser }

// demoStore holds an account with special mailboxes and one mailbox for each set of the corpus.
func demoStore(t *testing.T) mailstore.Store {
	store := memory.New(memory.Options{})
	account, err := store.OpenAccount(t.Context(), mailstore.User{Name: testUser})
	if err != nil {
		t.Fatal(err)
	}
	defer account.Close()
	sets, err := filepath.Glob(filepath.Join(corpusDir(t, "eml"), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Drafts", "Sent", "Archive", "Junk", "Trash", "Семья/Фото", "family"} {
		if err := account.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	for _, set := range sets {
		name := "corpus/" + filepath.Base(set)
		if err := account.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(set, "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		for i, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			flags := mailstore.System(0)
			if i%3 != 0 {
				flags |= mailstore.Seen
			}
			if i%11 == 4 {
				flags |= mailstore.Flagged
			}
			if i%7 == 2 {
				flags |= mailstore.Answered
			}
			add(t, account, name, string(data), flags)
		}
	}
	for i, m := range showMail() {
		flags := mailstore.System(0)
		if i < 6 {
			flags = mailstore.Seen
		}
		add(t, account, mailstore.Inbox, m, flags)
	}
	return store
}

// add puts a message into a mailbox and gives its UID.
func add(t testing.TB, account mailstore.Account, name, text string, flags mailstore.System) mailstore.UID {
	t.Helper()
	box, err := account.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	a, err := box.NewAppend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Abort()
	if err := a.Add(mailstore.AppendOptions{Flags: mailstore.NewFlags(flags), Date: time.Now()}, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	_, uids, err := a.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return uids[0]
}

// showMail is a small mailbox of everyday mail, for pictures of the program.
func showMail() []string {
	var out []string
	at := func(hours int) string { return time.Now().Add(-time.Duration(hours) * time.Hour).Format(time.RFC1123Z) }
	mail := func(hours int, from, subject, rest string) {
		out = append(out, fmt.Sprintf("From: %s\nTo: Amélie Durand <%s>\nSubject: %s\nDate: %s\nMIME-Version: 1.0\n%s", from, testUser, subject, at(hours), rest))
	}
	plain := func(text string) string { return "Content-Type: text/plain; charset=utf-8\n\n" + text }
	mail(2000, `"Poste restante" <hello@example.org>`, "Welcome to your mailbox", plain("Welcome.\n\nYour mail is kept here until you call for it.\n"))
	mail(400, "Library of Lindau <desk@library.example>", "Your loans are due on Friday", plain("Three books are due on Friday:\n\n * The Periodic Table\n * Austerlitz\n * The Summer Book\n\nhttps://library.example/loans?card=1188\n"))
	mail(120, "Noor Haddad <noor@studio.example>", "=?utf-8?q?=D9=85=D8=B1=D8=AD=D8=A8=D8=A7?= from Amman", plain("مرحبا أميلي،\n\nكيف حالك؟ أرسل لك بعض الصور قريبا.\n\nنور\n"))
	mail(70, "Ben Okafor <ben@okafor.example>", "Re: Boat weekend", plain("Sounds good to me.\n\nOn Tuesday Amélie wrote:\n> I can bring the tent and the stove.\n>\n>> Who has the key to the boathouse?\n>> Last time it was with Mia.\n>\n> I think Mia still has it.\n\nI asked her, she does. See https://boats.example/berth/14 for the map.\n\n-- \nBen\n"))
	mail(30, "Mia Lindqvist <mia@lindqvist.example>", "Boathouse key", plain("It hangs behind the door at our place, come by any evening.\n\nMia\n"))
	picture := "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR4nGMQCtpDEmIY1TCqYfhqAAD4oLkBqU2B9AAAAABJRU5ErkJggg=="
	mail(26, "Jonas Weber <jonas@weber.example>", "Photos of the garden", "Content-Type: multipart/mixed; boundary=b\n\n--b\n"+plain("The roses are out! Two pictures and the plan of the beds.\n\nJonas\n")+
		"--b\nContent-Type: image/png; name=roses.png\nContent-Disposition: attachment; filename=roses.png\nContent-Transfer-Encoding: base64\n\n"+picture+"\n--b\nContent-Type: image/png\nContent-Disposition: attachment; filename=\"pond in the morning.png\"\nContent-Transfer-Encoding: base64\n\n"+picture+
		"\n--b\nContent-Type: application/pdf; name=beds.pdf\nContent-Disposition: attachment; filename=beds.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n--b--\n")
	mail(5, `"accounts@bank.example" <prize@winner.example>`, "Your account has been limited", plain("Please confirm your password within 24 hours.\n"))
	mail(3, "Kite & Paper <news@kiteandpaper.example>", "Autumn paper, new colours and a workshop", "Content-Type: multipart/alternative; boundary=a\n\n--a\n"+plain("New colours: rust, moss, slate.\n")+
		"--a\nContent-Type: text/html; charset=utf-8\n\n"+newsletter+"\n--a--\n")
	mail(1, "Ines Carvalho <ines@carvalho.example>", "Dinner on Thursday?", plain("Hi Amélie,\n\nare you free on Thursday evening? The new place by the harbour has\na table for four at half past seven:\n\n  https://harbour-kitchen.example/book?table=4\n\nBen and Noor come too.\n\nLove,\nInes\n"))
	return out
}

const newsletter = `<html><head><style>body{background:#f2ede4;margin:0;font-family:Georgia,serif;color:#3a322b}.c{max-width:560px;margin:0 auto;background:#fffdf9;padding:36px}
h1{font-weight:400;font-size:30px;margin:0 0 12px}.b{display:inline-block;background:#8a4b2d;color:#fff!important;padding:12px 22px;text-decoration:none;border-radius:4px}
td{padding:26px 12px;text-align:center;color:#fff}</style></head><body><div class="c"><img src="https://kiteandpaper.example/logo.png" alt="Kite &amp; Paper" width="180" height="40">
<h1>Autumn paper is here</h1><p>Three new colours for the darker months, made in small batches in our mill by the river.</p>
<table width="100%" cellspacing="8"><tr><td bgcolor="#a4532f">Rust</td><td bgcolor="#5f6b47">Moss</td><td bgcolor="#55606b">Slate</td></tr></table>
<p>On 14 November we fold kites together. Bring nothing but time.</p><p><a class="b" href="https://kiteandpaper.example/workshop">Save a place</a></p>
<img src="https://track.example/o.gif" width="1" height="1"></div></body></html>`

// corpusDir gives a place in the collection of real mail ($RESTANTE_CORPUS, or beside the module), or skips the test.
func corpusDir(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("RESTANTE_CORPUS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "corpus")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no corpus at %s (set RESTANTE_CORPUS)", path)
	}
	return path
}
