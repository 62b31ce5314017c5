package memory

import (
	"bytes"
	"sync"

	"restante/mailstore"
)

// summaries are kept as long as the messages. The zero value is ready.
type summaries struct {
	mu   sync.Mutex
	list map[mailstore.UID][]byte
}

// PutSummary keeps a summary of a message.
func (m *mailbox) PutSummary(uid mailstore.UID, summary []byte) {
	s := &m.summaries
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := m.Record(uid); !found {
		return
	}
	if s.list == nil {
		s.list = make(map[mailstore.UID][]byte)
	}
	if len(s.list) > 2*m.Len()+100 { // mostly of messages that are gone
		for uid := range s.list {
			if _, found := m.Record(uid); !found {
				delete(s.list, uid)
			}
		}
	}
	s.list[uid] = bytes.Clone(summary)
}

// Summaries reads what PutSummary kept.
func (m *mailbox) Summaries() mailstore.SummaryReader { return summaryReader{m} }

type summaryReader struct{ m *mailbox }

func (r summaryReader) Get(uid mailstore.UID) ([]byte, bool) {
	r.m.summaries.mu.Lock()
	defer r.m.summaries.mu.Unlock()
	if _, found := r.m.Record(uid); !found {
		return nil, false
	}
	summary, ok := r.m.summaries.list[uid]
	return summary, ok
}
