package webmail

import "net/http"

const picturePattern = "/picture/{session}/{box}/{v}/{uid}/{part}/{mac}"

// routes is the whole address space. {box} is a mailbox (boxPath), {v} its UIDVALIDITY, {part} a part's section number.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	public := func(pattern string, h handlerFunc) { mux.Handle(pattern, s.page(h)) }
	private := func(pattern string, h handlerFunc) { mux.Handle(pattern, s.page(s.signedIn(h))) }

	public("GET /login", s.showLogin)
	public("POST /login", s.login)
	private("POST /logout", s.logout)

	private("GET /{$}", s.home)
	private("GET /m/{box}", s.showMailbox)
	private("POST /m/{box}/act", s.act)
	private("GET /m/{box}/{v}/{uid}", s.showMessage)
	private("GET /m/{box}/{v}/{uid}/body/{part}", s.showBody)
	private("GET /m/{box}/{v}/{uid}/part/{part}", s.showPart)
	private("GET /m/{box}/{v}/{uid}/raw", s.showRaw)

	public("GET "+picturePattern, s.showPicture)
	public("GET /assets/{name}", s.showAsset)
	public("GET /favicon.ico", s.favicon)
	public("/", s.notFound)
	return mux
}
