package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"restante/fsys"
	"restante/imapd"
)

// The server tells what it is doing to whoever may connect to a socket below the
// data directory. The directory that the socket is in belongs to the server's user
// and nobody else may enter it, so that is he and root. The server reads nothing
// from the connection: it writes one JSON value and closes it.
const (
	controlDir    = "control"
	controlSocket = "socket"
	// controlTime is how long somebody may take to read.
	controlTime = 10 * time.Second
)

// A liveSession is a session in what the server tells.
type liveSession struct {
	Service string `json:"service"`
	imapd.SessionInfo
}

// serverState is what the server tells.
type serverState struct {
	Time     time.Time     `json:"time"`
	Sessions []liveSession `json:"sessions"`
}

func (p *place) controlPath() string { return filepath.Join(p.data, controlDir, controlSocket) }

// openControl opens the socket. A path that is too long for one, or a file system
// that has none, is no reason not to serve.
func (d *daemon) openControl() error {
	dir := filepath.Join(d.o.data, controlDir)
	if err := fsys.MkdirAll(fsys.OS{}, dir, 0o700); err != nil {
		return dataError(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return dataError(err)
	}
	path := d.o.controlPath()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an earlier run: the directory is locked
		return dataError(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		d.log.Warn("\"restante who\" will not work: its socket cannot be made; a data directory with a short path on a local disk can hold it", "err", err)
		return nil
	}
	var open sync.WaitGroup
	open.Go(func() { d.serveControl(l, &open) })
	d.onClose(func() error {
		err := l.Close()
		open.Wait()
		return err
	})
	return nil
}

// serveControl answers until the listener is closed.
func (d *daemon) serveControl(l net.Listener, open *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.log.Warn("control connection failed", "err", err)
			time.Sleep(time.Second) // out of open files, most likely
			continue
		}
		open.Go(func() {
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(controlTime)); err != nil {
				return
			}
			_ = json.NewEncoder(c).Encode(d.state()) // whoever went away needs no answer
		})
	}
}

// state is what the server is doing now.
func (d *daemon) state() serverState {
	s := serverState{Time: time.Now(), Sessions: []liveSession{}}
	for _, info := range d.imap.Sessions() {
		s.Sessions = append(s.Sessions, liveSession{"imap", info})
	}
	return s
}

// askServer asks the server of a data directory for its state.
func (p *place) askServer() (s serverState, err error) {
	c, err := net.Dial("unix", p.controlPath())
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return s, fmt.Errorf("%w; run as the user who runs the server", err)
		}
		return s, fmt.Errorf("no server answers for the data directory %s (%w); start it with %q, or name another directory with --data", p.data, err, "restante serve")
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(controlTime)); err != nil {
		return s, err
	}
	if err := json.NewDecoder(c).Decode(&s); err != nil {
		return s, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return s, nil
}
