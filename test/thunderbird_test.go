package test

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"restante/certs"
)

// thunderbirdPrefs keep Thunderbird from asking questions, from calling home, from
// compressing, which nobody could read, from putting answers below what they answer,
// and from fetching mail in advance, which it
// does when it has time.
const thunderbirdPrefs = `user_pref("marionette.port", 0);
user_pref("mail.server.default.use_compress_deflate", false);
user_pref("mail.server.default.autosync_offline_stores", false);
user_pref("mail.server.default.offline_download", false);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("mailnews.start_page.enabled", false);
user_pref("mail.rights.version", 1);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("mailnews.default_view_flags", 0);
`

// marionette is Thunderbird's own way of being led by programs: each message is
// JSON behind its length.
type marionette struct {
	c  net.Conn
	r  *bufio.Reader
	id int
}

// do has a command done and returns its result.
func (m *marionette) do(name string, params any) (json.RawMessage, error) {
	m.id++
	b, err := json.Marshal([]any{0, m.id, name, params})
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(m.c, "%d:%s", len(b), b); err != nil {
		return nil, err
	}
	b, err = m.read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var kind, id int
	var failure *struct{ Error, Message, Stacktrace string }
	var result json.RawMessage
	if err := json.Unmarshal(b, &[]any{&kind, &id, &failure, &result}); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, b, err)
	}
	if failure != nil {
		return nil, fmt.Errorf("%s: %s: %s\n%s", name, failure.Error, failure.Message, failure.Stacktrace)
	}
	return result, nil
}

func (m *marionette) read() ([]byte, error) {
	size, err := m.r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil || n < 0 || n > 1<<20 {
		return nil, fmt.Errorf("a message of %q octets", size)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(m.r, b)
	return b, err
}

// startThunderbird starts Thunderbird without a screen, and ends it with the test.
func startThunderbird(t *testing.T, dir string) (m *marionette, quit func()) {
	t.Helper()
	profile := filepath.Join(dir, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(profile, "user.js"), thunderbirdPrefs)
	log := new(lockedBuffer)
	cmd := exec.Command("thunderbird", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TZ=UTC", "LC_ALL=C.UTF-8", "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
		if t.Failed() {
			t.Log(withoutGlib(log.String()))
		}
	})
	address := filepath.Join(profile, "MarionetteActivePort")
	waitFor(t, "Thunderbird", done, log.String, func() bool { return exists(address) })
	port, err := os.ReadFile(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", "127.0.0.1:"+string(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	m = &marionette{c: c, r: bufio.NewReader(c)}
	if _, err := m.read(); err != nil {
		t.Fatal("Thunderbird does not say who it is: ", err)
	}
	return m, func() {
		if _, err := m.do("Marionette:Quit", map[string]any{"flags": []string{"eAttemptQuit"}}); err != nil {
			t.Error(err)
		}
		err := <-done
		done <- err
	}
}

// withoutGlib leaves out what is said about icons where there is no screen.
func withoutGlib(log string) string {
	lines := strings.Split(log, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
		return l == "" || strings.Contains(l, "Gtk-CRITICAL") || strings.Contains(l, "glib warning")
	}), "\n")
}

// actThunderbird has Thunderbird sign in by TLS with our authority, list, open a
// message, flag it, search, move one and delete one: testdata/thunderbird.js.
func actThunderbird(t *testing.T, s *stage) {
	if !installed("thunderbird") {
		t.Skip("thunderbird is not installed")
	}
	keys, err := certs.Open(certs.Options{Dir: filepath.Join(s.dir, "certs"), Hostname: "test.example", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(s.l.secure(t, keys.TLSConfig()))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "thunderbird.js"))
	if err != nil {
		t.Fatal(err)
	}
	m, quit := startThunderbird(t, s.dir)
	var result json.RawMessage
	for _, step := range []struct {
		name   string
		params map[string]any
	}{
		{"WebDriver:NewSession", map[string]any{"capabilities": map[string]any{}}},
		{"WebDriver:SetTimeouts", map[string]any{"script": 4 * 60 * 1000}},
		{"Marionette:SetContext", map[string]any{"value": "chrome"}},
		{"WebDriver:ExecuteScript", map[string]any{
			"script": "return (async () => {" + string(script) + "})();", "sandbox": "system",
			"args": []any{port, recordUser, recordPass, authority(t, filepath.Join(s.dir, "certs"))},
		}},
	} {
		if result, err = m.do(step.name, step.params); err != nil {
			t.Fatalf("%v\n%s", err, s.l)
		}
	}
	quit()
	if !strings.Contains(string(result), `"found":["2@example.org"]`) {
		t.Errorf("the search found %s", result)
	}
	for _, test := range []struct{ why, mailbox, search, want string }{
		{"one was moved and one deleted", "INBOX", "ALL", "* SEARCH 2"},
		{"the moved one came, read", "Work", `SUBJECT plain SEEN`, "* SEARCH 2"},
		{"the deleted one is in the trash, read and with its star", "Trash", `SUBJECT unread SEEN FLAGGED`, "* SEARCH 1"},
	} {
		if got := s.answer(t, "EXAMINE "+test.mailbox, "UID SEARCH "+test.search); got != test.want {
			t.Errorf("%s: %s %s", test.why, test.mailbox, got)
		}
	}
}

// authority is the certificate of the authority of a directory, in base64.
func authority(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		if block == nil || block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && c.IsCA {
			return base64.StdEncoding.EncodeToString(block.Bytes)
		}
	}
	t.Fatalf("no authority in %v", files)
	return ""
}

// TestThunderbird has Thunderbird itself do its scenario over a Maildir and over
// mboxes, where it is installed.
func TestThunderbird(t *testing.T) {
	if testing.Short() {
		t.Skip("Thunderbird takes long")
	}
	for _, f := range formats {
		if f.name == "maildir" || f.name == "mbox" {
			t.Run(f.name, func(t *testing.T) { actThunderbird(t, newStage(t, f)) })
		}
	}
}
