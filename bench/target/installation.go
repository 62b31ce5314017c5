package target

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Installation is a Dovecot that is installed.
type Installation struct {
	// Root is the tree of directories in which it stands, as debootstrap(8) makes one;
	// empty for the machine's own. So another release of Debian has its Dovecot run
	// beside that of the machine, with the libraries that it was built for.
	Root string
	// Version is what it says about itself, "2.3.19.1 (9b53102964)".
	Version string
}

// master is the program that starts all others of Dovecot.
const master = "/usr/sbin/dovecot"

// FindDovecot finds that of the machine, or the one below root. The error says what
// has to be installed.
func FindDovecot(ctx context.Context, root string) (Installation, error) {
	i := Installation{Root: root}
	for _, c := range []struct{ file, pkg string }{
		{master, "dovecot-core"}, {"/usr/lib/dovecot/imap", "dovecot-imapd"}, {"/usr/lib/dovecot/pop3", "dovecot-pop3d"},
	} {
		if _, err := os.Stat(filepath.Join(root, c.file)); err != nil {
			return i, fmt.Errorf("%w; install Debian's packages dovecot-core, dovecot-imapd and dovecot-pop3d (this one is of %s)", err, c.pkg)
		}
	}
	cmd := exec.CommandContext(ctx, master, "--version")
	if root != "" {
		if os.Getuid() != 0 {
			return i, fmt.Errorf("%s: only root may run a program that stands below another root", root)
		}
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Chroot: root}
	}
	out, err := cmd.Output()
	if err != nil {
		return i, fmt.Errorf("%s%s --version: %w", root, master, err)
	}
	i.Version = strings.TrimSpace(string(out))
	if major, minor := i.numbers(); major != 2 || minor != 3 && minor != 4 {
		return i, fmt.Errorf("%s%s is version %s; the settings here are those of 2.3 and 2.4, which Debian 12 and 13 have", root, master, i.Version)
	}
	return i, nil
}

// numbers are the first two of the version, 0 if it has none.
func (i Installation) numbers() (major, minor int) {
	first, rest, _ := strings.Cut(i.Version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first) // 0 is no version that anybody asks for
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// old is whether its settings have the names of 2.3.
func (i Installation) old() bool {
	_, minor := i.numbers()
	return minor < 4
}

// release is the version that settings are written for: "2.4.1" of "2.4.1-4 (7d8c0e5759)".
func (i Installation) release() string {
	end := strings.IndexFunc(i.Version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		return i.Version
	}
	return i.Version[:end]
}

// Newer is whether it is of a later release than another.
func (i Installation) Newer(than Installation) bool {
	a, b := i.numbers()
	c, d := than.numbers()
	return a > c || a == c && b > d
}

// enter makes the directories $2 and following stand below the root $1 too, in a
// namespace of mounts that ends with the server, and becomes the server there.
const enter = `set -e
root=$1; file=$2; shift 2
for dir in /proc /dev "$@"; do
	mkdir -p "$root$dir"
	mount --rbind "$dir" "$root$dir"
done
exec chroot "$root" ` + master + ` -F -c "$file"`

// command starts it with a file of settings, so that its first process is the one
// that is started.
func (i Installation) command(o Options, file string) *exec.Cmd {
	if i.Root == "" {
		return exec.Command(master, "-F", "-c", file)
	}
	cmd := exec.Command("/bin/sh", "-c", enter, "sh", i.Root, file, filepath.Dir(o.Certificate.Cert), o.Dir, o.Mail)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return cmd
}
