package imapd

import "restante/imap"

// news says what a command may tell about the selected mailbox before its
// tagged answer.
type news uint8

const (
	// newsNever: the command leaves no mailbox selected, or has told all itself.
	newsNever news = iota
	// newsButExpunge: the client's message numbers must stay what they are
	// while FETCH, STORE, SEARCH, SORT or THREAD is answered (RFC 9051 section
	// 7.5.1, RFC 5256 section 3).
	newsButExpunge
	// newsAll: the UID commands too, though they carry similar names.
	newsAll
)

// A command is one line of the table.
type command struct {
	states state
	news   news
	run    func(*session, *imap.Command) (reply, error)
}

// An answered command is one with the text of its OK, where run gives no other.
type answered struct {
	command
	text string
}

// withTexts makes the texts for a table.
func withTexts(table map[string]command) map[string]answered {
	list := make(map[string]answered, len(table))
	for name, c := range table {
		list[name] = answered{c, sentenceCase(name) + " completed"}
	}
	return list
}

// commands is what this server understands. The reader knows the grammar of
// more; what is not here is answered as unknown.
var commands = map[string]command{
	// Any state (RFC 9051 section 6.1).
	"CAPABILITY": {anyState, newsAll, (*session).cmdCapability},
	"NOOP":       {anyState, newsAll, (*session).cmdNoop},
	"LOGOUT":     {anyState, newsNever, (*session).cmdLogout},
	"ID":         {anyState, newsAll, (*session).cmdID},

	// Not authenticated (section 6.2).
	"STARTTLS":     {notAuthenticated, newsNever, (*session).cmdStartTLS},
	"AUTHENTICATE": {notAuthenticated, newsNever, (*session).cmdAuthenticate},
	"LOGIN":        {notAuthenticated, newsNever, (*session).cmdLogin},

	// Authenticated or selected (section 6.3).
	"ENABLE":      {loggedIn, newsAll, (*session).cmdEnable},
	"SELECT":      {loggedIn, newsNever, (*session).cmdSelect},
	"EXAMINE":     {loggedIn, newsNever, (*session).cmdSelect},
	"CREATE":      {loggedIn, newsAll, (*session).cmdCreate},
	"DELETE":      {loggedIn, newsAll, (*session).cmdDelete},
	"RENAME":      {loggedIn, newsAll, (*session).cmdRename},
	"SUBSCRIBE":   {loggedIn, newsAll, (*session).cmdSubscribe},
	"UNSUBSCRIBE": {loggedIn, newsAll, (*session).cmdSubscribe},
	"LIST":        {loggedIn, newsAll, (*session).cmdList},
	"LSUB":        {loggedIn, newsAll, (*session).cmdLsub},
	"NAMESPACE":   {loggedIn, newsAll, (*session).cmdNamespace},
	"STATUS":      {loggedIn, newsAll, (*session).cmdStatus},
	"APPEND":      {loggedIn, newsAll, (*session).cmdAppend},
	"IDLE":        {loggedIn, newsAll, (*session).cmdIdle},
	"NOTIFY":      {loggedIn, newsAll, (*session).cmdNotify},
	"ESEARCH":     {loggedIn, newsAll, (*session).cmdESearch},
	"COMPRESS":    {loggedIn, newsNever, (*session).cmdCompress},

	"UNAUTHENTICATE": {loggedIn, newsNever, (*session).cmdUnauthenticate},

	"GETMETADATA": {loggedIn, newsAll, (*session).cmdGetMetadata},
	"SETMETADATA": {loggedIn, newsAll, (*session).cmdSetMetadata},

	"GETQUOTA":     {loggedIn, newsAll, (*session).cmdGetQuota},
	"GETQUOTAROOT": {loggedIn, newsAll, (*session).cmdGetQuotaRoot},
	"SETQUOTA":     {loggedIn, newsAll, (*session).cmdSetQuota},

	// RFC 4314.
	"SETACL":     {loggedIn, newsAll, (*session).cmdSetACL},
	"DELETEACL":  {loggedIn, newsAll, (*session).cmdDeleteACL},
	"GETACL":     {loggedIn, newsAll, (*session).cmdGetACL},
	"LISTRIGHTS": {loggedIn, newsAll, (*session).cmdListRights},
	"MYRIGHTS":   {loggedIn, newsAll, (*session).cmdMyRights},

	// Selected (section 6.4).
	"CHECK":        {selected, newsAll, (*session).cmdCheck},
	"CLOSE":        {selected, newsNever, (*session).cmdClose},
	"UNSELECT":     {selected, newsNever, (*session).cmdUnselect},
	"EXPUNGE":      {selected, newsAll, (*session).cmdExpunge},
	"SEARCH":       {selected, newsButExpunge, (*session).cmdSearch},
	"SORT":         {selected, newsButExpunge, (*session).cmdSort},
	"THREAD":       {selected, newsButExpunge, (*session).cmdThread},
	"FETCH":        {selected, newsButExpunge, (*session).cmdFetch},
	"STORE":        {selected, newsButExpunge, (*session).cmdStore},
	"COPY":         {selected, newsAll, (*session).cmdCopy},
	"MOVE":         {selected, newsAll, (*session).cmdMove},
	"UID EXPUNGE":  {selected, newsAll, (*session).cmdExpunge},
	"UID SEARCH":   {selected, newsAll, (*session).cmdSearch},
	"UID SORT":     {selected, newsAll, (*session).cmdSort},
	"UID THREAD":   {selected, newsAll, (*session).cmdThread},
	"UID FETCH":    {selected, newsAll, (*session).cmdFetch},
	"UID STORE":    {selected, newsAll, (*session).cmdStore},
	"UID COPY":     {selected, newsAll, (*session).cmdCopy},
	"UID MOVE":     {selected, newsAll, (*session).cmdMove},
	"CANCELUPDATE": {selected, newsAll, (*session).cmdCancelUpdate},

	"REPLACE":     {selected, newsAll, (*session).cmdReplace},
	"UID REPLACE": {selected, newsAll, (*session).cmdReplace},
}
