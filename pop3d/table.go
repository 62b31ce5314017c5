package pop3d

import "restante/pop3"

// commands says for each command in which states it is allowed.
var commands = map[string]struct {
	states state
	run    func(s *session, cmd *pop3.Command) error
}{
	"CAPA": {anyState, (*session).cmdCapa},
	"NOOP": {transaction, (*session).cmdNoop},
	"QUIT": {anyState, (*session).cmdQuit},
	"UTF8": {anyState, (*session).cmdUTF8},

	"STLS": {authorization, (*session).cmdStls},
	"USER": {authorization, (*session).cmdUser},
	"PASS": {authorization, (*session).cmdPass},
	"AUTH": {authorization, (*session).cmdAuth},

	"STAT": {transaction, (*session).cmdStat},
	"LIST": {transaction, (*session).cmdList},
	"UIDL": {transaction, (*session).cmdUidl},
	"RETR": {transaction, (*session).cmdRetr},
	"TOP":  {transaction, (*session).cmdTop},
	"DELE": {transaction, (*session).cmdDele},
	"RSET": {transaction, (*session).cmdRset},
}
