package netserve

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// limits counts connections, in all and per remote network.
type limits struct {
	total, perNetwork int // 0: no limit

	mu     sync.Mutex
	count  int
	counts map[netip.Prefix]int

	refused  int       // since the last report
	reported time.Time // when that was
}

func newLimits(total, perNetwork int) *limits {
	return &limits{total: total, perNetwork: perNetwork, counts: map[netip.Prefix]int{}}
}

// A place is what a connection takes of the limits.
type place struct{ network netip.Prefix }

// enter takes a place for a connection from remote. When there is none, it
// returns the limit that stands against it.
func (l *limits) enter(remote net.Addr) (place, Limit) {
	p := place{network: network(remote)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total > 0 && l.count >= l.total {
		return place{}, TotalLimit
	}
	if l.perNetwork > 0 && p.network.IsValid() && l.counts[p.network] >= l.perNetwork {
		return place{}, AddressLimit
	}
	l.count++
	if p.network.IsValid() {
		l.counts[p.network]++
	}
	return p, 0
}

func (l *limits) leave(p place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
	if !p.network.IsValid() {
		return
	}
	if l.counts[p.network]--; l.counts[p.network] == 0 {
		delete(l.counts, p.network)
	}
}

// reportEvery keeps a flood of refused connections from becoming one of log
// lines.
const reportEvery = 10 * time.Second

// report notes one refusal and returns how many to report now; 0 means that
// the last report is too young.
func (l *limits) report(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused++
	if now.Sub(l.reported) < reportEvery {
		return 0
	}
	n := l.refused
	l.refused, l.reported = 0, now
	return n
}

// network is what counts as one client: an IPv4 address, or an IPv6 /64, of
// which every host may take as many addresses as it likes. What is no IP
// address gives the zero prefix and counts in the total only.
func network(remote net.Addr) netip.Prefix {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
