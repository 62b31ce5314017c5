# What scripts do with Mail::IMAPClient. Any surprise ends it.
use strict;
use warnings;
use Mail::IMAPClient;

my ($host, $port, $user, $password) = @ARGV;
my $c = Mail::IMAPClient->new(Server => $host, Port => $port, User => $user, Password => $password, Uid => 1, Peek => 1)
    or die "connect: $@";

sub check { my ($what, $ok) = @_; defined $ok && $ok or die "$what: " . ($c->LastError // "") . "\n"; return $ok }
sub equal { my ($what, $got, $want) = @_; $got eq $want or die "$what: got '$got', want '$want'\n" }

check("create", $c->create("scripts"));
check("subscribe", $c->subscribe("scripts"));
my @uids;
for my $n (0 .. 4) {
    push @uids, check("append", $c->append_string("scripts", "From: a\@example.org\r\nSubject: number $n\r\n\r\nbody $n\r\n", $n % 2 ? '\Seen' : undef));
}
check("select", $c->select("scripts"));
equal("count", $c->message_count, 5);
equal("search", join(",", $c->search("SUBJECT", "number 3")), $uids[3]);
equal("seen", join(",", $c->seen), "$uids[1],$uids[3]");
equal("body", check("body", $c->message_string($uids[2])), "From: a\@example.org\r\nSubject: number 2\r\n\r\nbody 2\r\n");
equal("subject", $c->subject($uids[4]), "number 4");
equal("size", $c->size($uids[0]), length "From: a\@example.org\r\nSubject: number 0\r\n\r\nbody 0\r\n");
check("flag", $c->set_flag("Flagged", $uids[0]));
equal("flags", join(" ", sort grep { $_ ne '\Recent' } $c->flags($uids[0])), '\Flagged');
check("copy", $c->copy("Trash", $uids[0]));
check("move", $c->move("Trash", $uids[1]));
check("delete", $c->delete_message($uids[4]));
check("expunge", defined $c->expunge);
equal("count", $c->message_count, 3);
equal("hash", scalar keys %{ $c->fetch_hash("FLAGS", "INTERNALDATE", "RFC822.SIZE") }, 3);
check("envelope", $c->get_envelope($uids[2]));
check("structure", $c->get_bodystructure($uids[2]));
check("close", $c->close);
check("rename", $c->rename("scripts", "renamed"));
grep { $_ eq "renamed" } $c->folders or die "renamed is not listed\n";
check("delete", $c->delete("renamed"));
check("logout", $c->logout);
print "all done\n";
