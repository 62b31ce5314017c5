package workload

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"restante/bench/mail"
)

// searchRows are about SEARCH, and SORT and THREAD with it.
func searchRows(s Sizes) []Row {
	n := s.Big
	const headers = `SEARCH OR SUBJECT "report" FROM "sales"`
	const sort, thread = "SORT (SUBJECT REVERSE DATE) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"
	rows := []Row{
		{Name: "search headers, first", Unit: "message", Start: Forgotten, Must: against(0.6), Stretch: against(0.35), Run: found(n, headers)},
		{Name: "search headers, first after a header sync", Unit: "message", Start: Forgotten, Must: Goal{cpu(Absolute, 2.3e-6)}, Stretch: Goal{cpu(Absolute, 1.2e-6)}, Run: found(n, headers, fullSync)},
		{Name: "search headers, repeat", Unit: "message", Must: against(0.5), Stretch: against(0.2), Run: found(n, headers, headers)},
		{Name: "SORT, first", Unit: "message", Start: Forgotten, Must: against(1), Stretch: against(0.5), Run: found(n, sort, thunderbirdSync)},
		{Name: "SORT, repeat", Unit: "message", Must: against(1), Stretch: against(0.5), Run: found(n, sort, sort)},
		{Name: "THREAD, first", Unit: "message", Start: Forgotten, Must: against(1), Stretch: against(0.5), Run: found(n, thread, thunderbirdSync)},
		{Name: "THREAD, repeat", Unit: "message", Must: against(1), Stretch: against(0.5), Run: found(n, thread, thread)},
	}
	// A server may remember what it found: each round asks one that has just begun.
	texts := []Row{
		{Name: "search BODY", Unit: "GB", Start: Restarted, Must: against(0.4), Stretch: against(0.2), Run: searchText("BODY", s.Middle)},
		{Name: "search TEXT", Unit: "GB", Start: Restarted, Must: against(0.4), Stretch: against(0.2), Run: searchText("TEXT", s.Middle)},
	}
	return append(of(rows, bigMail(s), IMAP), of(texts, middleMail(s), IMAP)...)
}

// found counts a command that has no FETCH responses, behind others in another
// session.
func found(messages int, command string, before ...string) func(context.Context, *Env) (Sample, error) {
	return behind(before, command, 0, messages)
}

// searchText searches for what stands in one message only. A GB is one of mail as
// it is on disk.
func searchText(key string, messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		size, err := sizeOf(e.Target.Path(mail.User(0), "INBOX"))
		if err != nil {
			return Sample{}, err
		}
		return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			number := messages / 3
			return e.countSearch(b, fmt.Sprintf("SEARCH %s %q", key, mail.Token(mail.Seed, number)), float64(size)/1e9, number+1)
		})
	}
}

// countSearch counts a command that has to find one message.
func (e *Env) countSearch(b *box, command string, units float64, number int) (Sample, error) {
	answer := ""
	b.Untagged = func(line []byte) {
		if rest, ok := bytes.CutPrefix(line, []byte("SEARCH")); ok {
			answer = string(bytes.TrimSpace(rest))
		}
	}
	s, err := e.countCommand(b, command, 0, units)
	if err == nil && answer != fmt.Sprint(number) {
		err = fmt.Errorf("%s finds %q, want %d", command, answer, number)
	}
	return s, err
}

// sizeOf is how many octets of mail are in a mailbox on disk.
func sizeOf(path string) (size int64, err error) {
	entries, err := os.ReadDir(filepath.Join(path, "cur"))
	for _, entry := range entries {
		fi, statErr := entry.Info()
		if statErr != nil {
			return 0, statErr
		}
		size += fi.Size()
	}
	return size, err
}
