package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"restante/fsys"
)

// removeReady takes away what an earlier run left, so that nobody who waits for
// the file reads old addresses.
func removeReady(file string) error {
	if file == "" {
		return nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}

// writeReady writes the bound addresses by service, such as
// {"imap":"127.0.0.1:1143"}. A service with several listeners has a list. Where
// profiles are served is "pprof"; nil is nowhere.
func writeReady(file string, bound []boundListener, profiles net.Addr) error {
	if file == "" {
		return nil
	}
	addresses := map[string]any{}
	for _, b := range bound {
		address := b.listener.Addr().String()
		switch have := addresses[b.service.key].(type) {
		case nil:
			addresses[b.service.key] = address
		case string:
			addresses[b.service.key] = []string{have, address}
		case []string:
			addresses[b.service.key] = append(have, address)
		}
	}
	if profiles != nil {
		addresses["pprof"] = profiles.String()
	}
	text, err := json.Marshal(addresses)
	if err != nil {
		return err
	}
	if err := fsys.WriteFile(fsys.OS{}, file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}
