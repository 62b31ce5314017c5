package memory

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"sync"

	"restante/mailstore"
)

// blobs implements mailstore.Blobs. The zero value is ready.
type blobs struct {
	mu   sync.Mutex
	list map[string][]byte
}

// Blobs keeps what services have worked out of all messages.
func (m *mailbox) Blobs() mailstore.Blobs { return &m.blobs }

// List returns the names.
func (b *blobs) List() ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.list)), nil
}

// Open gives access to a blob.
func (b *blobs) Open(name string) (mailstore.Blob, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.list[name]
	if !ok {
		return nil, mailstore.ErrNotFound
	}
	return newMessage(data), nil
}

// Put keeps what write writes.
func (b *blobs) Put(name string, write func(io.Writer) error) error {
	if !mailstore.ValidBlobName(name) {
		return mailstore.ErrInvalidName
	}
	var data bytes.Buffer
	if err := write(&data); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil {
		b.list = make(map[string][]byte)
	}
	b.list[name] = data.Bytes()
	return nil
}

// Remove removes a blob.
func (b *blobs) Remove(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.list, name)
	return nil
}
