package workload

import (
	"context"
)

// What mail programs ask of every message of a mailbox that they see for the first
// time.
const (
	fullSync        = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
	thunderbirdSync = "UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])"
)

// syncRows are about headers of all messages.
func syncRows(s Sizes) []Row {
	n := s.Big
	rows := []Row{
		{Name: "header sync cold (ENVELOPE and BODYSTRUCTURE)", Unit: "message", Start: Forgotten, Must: against(0.6), Stretch: against(0.35), Run: synced(n, fullSync)},
		{Name: "header sync cold (Thunderbird)", Unit: "message", Start: Forgotten, Must: against(0.6), Stretch: against(0.35), Run: synced(n, thunderbirdSync)},
		{Name: "header sync (Thunderbird) after the other", Unit: "message", Start: Forgotten, Must: against(0.15), Stretch: against(0.05), Run: synced(n, thunderbirdSync, fullSync)},
		{Name: "header sync warm (ENVELOPE and BODYSTRUCTURE)", Unit: "message", Must: against(0.5), Stretch: against(0.25), Run: synced(n, fullSync, fullSync)},
		{Name: "header sync warm (Thunderbird)", Unit: "message", Must: against(0.5), Stretch: against(0.25), Run: synced(n, thunderbirdSync, thunderbirdSync)},
		{Name: "flags of all", Unit: "message", Must: against(0.7), Stretch: against(0.3), Run: flagsOfAll(n)},
	}
	return of(rows, bigMail(s), IMAP)
}

// synced counts a command that tells of all messages, behind others in another
// session.
func synced(messages int, command string, before ...string) func(context.Context, *Env) (Sample, error) {
	return behind(before, command, messages, messages)
}

// behind counts a command in a session of its own, when another session has given
// others.
func behind(before []string, command string, fetches, units int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		if len(before) > 0 {
			if err := e.do(ctx, "INBOX", before...); err != nil {
				return Sample{}, err
			}
		}
		return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			return e.countCommand(b, command, fetches, float64(units))
		})
	}
}

func flagsOfAll(messages int) func(context.Context, *Env) (Sample, error) {
	return func(ctx context.Context, e *Env) (Sample, error) {
		return e.in(ctx, "INBOX", func(b *box) (Sample, error) {
			return repeat(opens, func() (Sample, error) {
				return e.countCommand(b, "FETCH 1:* (FLAGS)", messages, float64(messages))
			})
		})
	}
}
