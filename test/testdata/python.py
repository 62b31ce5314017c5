# What scripts do with Python's imaplib. Any surprise is an exception.
import imaplib, sys, time

host, port, user, password = sys.argv[1:]
imaplib.Debug = 0


def check(reply, want="OK"):
    status, data = reply
    if status != want:
        raise SystemExit("%r, want %s" % (reply, want))
    return data


def equal(got, want):
    if got != want:
        raise SystemExit("got %r, want %r" % (got, want))


c = imaplib.IMAP4(host, int(port))
check(c.login(user, password))
equal(c.state, "AUTH")
for name in ("IDLE", "UIDPLUS", "CONDSTORE"):
    if name not in "".join(d.decode() for d in check(c.capability())):
        raise SystemExit(name + " is not offered")
check(c.create("scripts"))
check(c.subscribe("scripts"))
msg = b"From: a@example.org\r\nSubject: h\xc3\xa9llo\r\nMessage-ID: <%d@s>\r\n\r\nbody %d\r\n"
for n in range(5):
    check(c.append("scripts", r"(\Seen)" if n % 2 else None, imaplib.Time2Internaldate(1760000000 + n), msg % (n, n)))
equal(check(c.select("scripts")), [b"5"])
equal(check(c.search(None, "SEEN")), [b"2 4"])
equal(check(c.search(None, "SUBJECT", '"llo"')), [b"1 2 3 4 5"])
data = check(c.fetch("1:5", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"))
equal(len([d for d in data if isinstance(d, tuple)]), 5)
data = check(c.uid("FETCH", "3", "(BODY[])"))
equal(data[0][1], msg % (2, 2))
equal(check(c.search(None, "SEEN")), [b"2 3 4"])
data = check(c.store("1", "+FLAGS", r"(\Flagged $Label1)"))
if b"$Label1" not in data[0]:
    raise SystemExit("no keyword: %r" % data)
check(c.copy("1:2", "Trash"))
check(c.uid("MOVE", "5", "Trash"))
equal(check(c.status("Trash", "(MESSAGES UNSEEN)")), [b'"Trash" (MESSAGES 3 UNSEEN 2)'])
check(c.store("2", "+FLAGS.SILENT", r"(\Deleted)"))
equal(check(c.expunge())[-1], b"2")
equal(check(c.noop()), [b"NOOP completed".replace(b"NOOP", b"Noop")])
check(c.close())
check(c.rename("scripts", "renamed"))
if not [line for line in check(c.list()) if b"renamed" in line]:
    raise SystemExit("renamed is not listed")
check(c.select("nowhere"), "NO")
check(c.delete("renamed"))
check(c.unsubscribe("renamed"))
check(c.logout(), "BYE")
print("all done")
