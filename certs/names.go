package certs

import (
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Names are what a certificate is valid for.
type Names struct {
	DNS []string
	IP  []netip.Addr
}

// MachineNames returns the names and addresses by which this machine can be
// reached: its host name, localhost, and the addresses of its interfaces.
// Link-local IPv6 addresses are left out; they need a zone, which no
// certificate can hold.
func MachineNames() Names {
	n := Names{DNS: []string{"localhost"}, IP: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}}
	if host, err := os.Hostname(); err == nil {
		n = n.with(host)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return n
	}
	for _, a := range addrs {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(ipnet.IP); ok && !ip.Unmap().IsLinkLocalUnicast() {
			n = n.with(ip.Unmap().String())
		}
	}
	return n
}

// with returns n with one more name or address, in front of its kind, so that
// the first name is the one given last. What no certificate can hold is left
// out.
func (n Names) with(name string) Names {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip, err := netip.ParseAddr(name); err == nil {
		if !slices.Contains(n.IP, ip) {
			n.IP = append(slices.Clone(n.IP), ip)
		}
		return n
	}
	ascii := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if name == "" || strings.ContainsFunc(name, ascii) || len(name) > 253 {
		return n
	}
	others := slices.DeleteFunc(slices.Clone(n.DNS), func(s string) bool { return s == name })
	n.DNS = append([]string{name}, others...)
	return n
}

// first returns the name that stands for the machine.
func (n Names) first() string {
	if len(n.DNS) > 0 {
		return n.DNS[0]
	}
	return "localhost"
}

// missing returns a name or IPv4 address of wanted that is not in n, or "".
func (n Names) missing(wanted Names) string {
	for _, name := range wanted.DNS {
		if !slices.Contains(n.DNS, name) {
			return name
		}
	}
	for _, ip := range wanted.IP {
		if ip.Is4() && !slices.Contains(n.IP, ip) {
			return ip.String()
		}
	}
	return ""
}

func (n Names) ips() []net.IP {
	list := make([]net.IP, len(n.IP))
	for i, ip := range n.IP {
		list[i] = ip.AsSlice()
	}
	return list
}

// Strings lists all names, then all addresses.
func (n Names) Strings() []string {
	list := slices.Clone(n.DNS)
	for _, ip := range n.IP {
		list = append(list, ip.String())
	}
	return list
}

func namesOf(c *x509.Certificate) Names {
	n := Names{DNS: c.DNSNames}
	for _, raw := range c.IPAddresses {
		if ip, ok := netip.AddrFromSlice(raw); ok {
			n.IP = append(n.IP, ip.Unmap())
		}
	}
	return n
}
