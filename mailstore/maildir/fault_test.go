package maildir_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/faulttest"
	"restante/mailstore/maildir"
)

// TestFaults fails and cuts off every file operation of everything that changes
// a Maildir.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  maildir.Options
	}{
		{"Maildir++", maildir.Options{Layout: maildir.MaildirPP}},
		{"Maildir++ with index", maildir.Options{Layout: maildir.MaildirPP, IndexDir: "/index"}},
		{"Maildir++ with control files", maildir.Options{Layout: maildir.MaildirPP, Control: "/control"}},
		{"FS", maildir.Options{Layout: maildir.FS}},
		{"FS with index", maildir.Options{Layout: maildir.FS, IndexDir: "/index"}},
		{"FS with control files", maildir.Options{Layout: maildir.FS, Control: "/control"}},
	} {
		t.Run(c.name, func(t *testing.T) { faulttest.Run(t, faultFormat(c.opt)) })
	}
}

func faultFormat(opt maildir.Options) faulttest.Format {
	opt.Root, opt.Hostname, opt.LockWait = "/mail", "test", 20*time.Second
	f := faulttest.Format{
		Indexed: opt.IndexDir != "",
		Open: func(ctx context.Context, fs *faultfs.FS, index bool) (mailstore.Account, error) {
			opt := opt
			opt.FS = fs
			if !index {
				opt.IndexDir = ""
			}
			return maildir.Open(ctx, opt)
		},
		Delimiter:       "/",
		DualUse:         true,
		Places:          opt.Layout == maildir.FS,
		HalfAppended:    true,
		LateFlags:       true,
		LateMoves:       true,
		ScatteredRename: opt.Layout == maildir.MaildirPP,
	}
	control, prefix := cmp.Or(opt.Control, opt.Root), "/"
	if opt.Layout == maildir.MaildirPP {
		prefix = "/."
	}
	f.ForgetID = func(fs *faultfs.FS, name string) error { return changeID(fs, control+prefix+name, "") }
	f.CopyID = func(fs *faultfs.FS, from, to string) error {
		h, err := listHeader(fs, control+prefix+from)
		if err != nil {
			return err
		}
		return changeID(fs, control+prefix+to, idFields.FindString(h))
	}
	empty := "/Empty"
	if opt.Layout == maildir.MaildirPP {
		f.Delimiter, empty = ".", "/.Empty"
	}
	f.Takeovers = []faulttest.Takeover{{Name: "open what Courier left", Prepare: func(fs *faultfs.FS) error {
		return leaveCourier(fs, opt.Root+empty, cmp.Or(opt.Control, opt.Root)+empty)
	}, Want: wantCourier}}
	if opt.Control != "" { // where a quota is kept, too
		f.Prepare = func(fs *faultfs.FS) error {
			return fsys.WriteFile(fs, opt.Control+"/maildirsize", []byte(dovecotSize), 0o600)
		}
	}
	var delivered atomic.Int64
	f.Deliver = func(fs *faultfs.FS, text []byte) error {
		return deliverTo(fs, fmt.Sprintf("%d.M%dP1.mx", faulttest.Date().Unix(), delivered.Add(1)), text)
	}
	f.DeliverBefore = f.Deliver // the names of all others begin with a later time
	return f
}

// idFields are those of the object id in the header of a UID list.
var idFields = regexp.MustCompile(` G[0-9a-f]{32}( R[0-9]+)?`)

func listHeader(fs *faultfs.FS, dir string) (string, error) {
	data, err := fsys.ReadFile(fs, dir+"/dovecot-uidlist", 1<<20)
	line, _, _ := strings.Cut(string(data), "\n")
	return line, err
}

// changeID puts other fields in the place of those of the object id.
func changeID(fs *faultfs.FS, dir, fields string) error {
	data, err := fsys.ReadFile(fs, dir+"/dovecot-uidlist", 1<<20)
	if err != nil {
		return err
	}
	if !idFields.Match(data) {
		return fmt.Errorf("%s has no object id: %q", dir, data)
	}
	return fsys.WriteFile(fs, dir+"/dovecot-uidlist", idFields.ReplaceAll(data, []byte(fields)), 0o600)
}

// deliverTo does what a delivery agent does.
func deliverTo(fs *faultfs.FS, name string, text []byte) error {
	f, err := fs.OpenFile("/mail/tmp/"+name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = fs.Chtimes("/mail/tmp/"+name, faulttest.Date(), faulttest.Date())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fs.Rename("/mail/tmp/"+name, "/mail/new/"+name)
	}
	if err != nil {
		return err
	}
	return fs.SyncDir("/mail/new")
}

// leaveCourier makes a mailbox one that Courier served: UIDs for one of two
// messages, keywords and unique ids of POP3 for both.
func leaveCourier(fs *faultfs.FS, dir, control string) error {
	err := errors.Join(fs.Remove(control+"/dovecot-uidlist"), fs.Mkdir(dir+"/courierimapkeywords", 0o700))
	for name, content := range map[string]string{
		"new/1000.x":                 string(faulttest.Text("new")),
		"cur/2000.x:2,S":             string(faulttest.Text("cur")),
		"courierimapkeywords/:list":  "late\n\n2000.x:0\n",
		"courierimapkeywords/1000.x": "fresh\n",
		"courierimapuiddb":           "1 7 20\n12 2000.x\n",
		"courierpop3dsizelist":       "/2 9 7\n2000.x:2,S 9 1:7\n1000.x 9 2:7\n",
	} {
		err = errors.Join(err, fsys.WriteFile(fs, dir+"/"+name, []byte(content), 0o600))
	}
	return err
}

func wantCourier(m mailstore.Mailbox) string {
	u, ok := m.(mailstore.UIDLer)
	if !ok {
		return "it has no unique ids"
	}
	ids, err := u.SavedUIDLs(context.Background())
	got := fmt.Sprint(m.UIDValidity(), ids, err)
	for _, r := range m.Records(make([]mailstore.Record, 0, 10), 1) {
		got += fmt.Sprint(" ", r.UID, flagText(r.Flags))
	}
	if want := "7 map[12:UID1-7 20:UID2-7] <nil> 12[S late] 20[fresh]"; got != want {
		return "after Courier there is " + got + ", not " + want
	}
	return ""
}
