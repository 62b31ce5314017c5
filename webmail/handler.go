package webmail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// call is one request under way. session is nil where nobody need be signed in.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	session *session
}

func (c *call) ctx() context.Context { return c.r.Context() }

// A handlerFunc answers a request, or returns an error before it has written anything; page turns that into a page.
type handlerFunc func(*call) error

// maxForm bounds what a form may send: a page of UIDs, a mailbox name, a password.
const maxForm = 64 << 10

// guard holds what is true of every answer: the headers, the bound on what is read, and that no other site's page can send
// a form (http.CrossOriginProtection reads Sec-Fetch-Site and Origin; the cookie is SameSite=Strict besides).
func (s *Server) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(s.page(func(*call) error { return errForeignForm }))
	inner := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pageHeaders(w.Header())
		setDeadlines(w, r)
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		inner.ServeHTTP(w, r)
	})
}

const (
	// bodyTime is how long a form may take to arrive. It holds for bodies that nobody wants as well: net/http reads them to
	// their end before the next request.
	bodyTime = 30 * time.Second
	// pageTime is how long an answer may take, a sign-in that has to wait for its turn included.
	pageTime = 3 * time.Minute
	// pieceTime is how long a client may take for each sendPiece of a download.
	pieceTime = time.Minute
	sendPiece = 256 << 10
)

// setDeadlines keeps clients that send or read slower than any line from holding a connection for ever.
func setDeadlines(w http.ResponseWriter, r *http.Request) {
	rc, now := http.NewResponseController(w), time.Now()
	_ = rc.SetWriteDeadline(now.Add(pageTime)) // what knows no deadlines is no network
	if r.Body != nil && r.Body != http.NoBody {
		_ = rc.SetReadDeadline(now.Add(bodyTime))
	}
}

// form reads the form of a request.
func (c *call) form() (url.Values, error) {
	if err := c.r.ParseForm(); err != nil {
		return nil, errForm
	}
	// The body is here: what the server does with it may take longer.
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{})
	return c.r.PostForm, nil
}

// page makes an http.Handler of a handlerFunc: the one place where errors become pages.
func (s *Server) page(h handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				s.log.Error("request failed", slog.String("path", logPath(r)), slog.Any("err", v), slog.String("stack", string(debug.Stack())))
				s.fail(c, errInternal)
			}
		}()
		if err := h(c); err != nil {
			s.fail(c, err)
		}
	})
}

// signedIn lets a request pass that comes with a session, and leads the others to the sign-in page and back.
func (s *Server) signedIn(h handlerFunc) handlerFunc {
	return func(c *call) error {
		sess := s.sessions.find(c.r, time.Now())
		if sess == nil {
			target := "/login"
			if c.r.Method == http.MethodGet && c.r.URL.Path != "/" {
				target += "?next=" + url.QueryEscape(c.r.URL.RequestURI())
			}
			http.Redirect(c.w, c.r, target, http.StatusSeeOther)
			return nil
		}
		defer sess.release()
		c.session = sess
		return h(c)
	}
}

// render executes a template into memory first, so that a failure can still become an error page.
func (s *Server) render(c *call, status int, name string, data any) error {
	var b bytes.Buffer
	if err := s.views.execute(&b, name, data); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(status)
	if _, err := c.w.Write(b.Bytes()); err != nil {
		s.log.Debug("page not sent", slog.Any("err", err))
	}
	return nil
}

// fail answers with the page for an error. What is not known is the server's fault: the log gets it all, the user a
// sentence.
func (s *Server) fail(c *call, err error) {
	pe := describe(err)
	if pe.status == http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		user := ""
		if c.session != nil {
			user = c.session.user.Name
		}
		s.log.Error("request failed", slog.String("path", logPath(c.r)), slog.String("user", user), slog.Any("err", err))
	}
	pageHeaders(c.w.Header())
	c.w.Header().Del("Content-Disposition")
	data := errorPage{Page: s.newPage(c, pe.title), Heading: pe.title, Text: pe.text, Link: pe.link, LinkText: pe.linkText}
	if err := s.render(c, pe.status, "error", data); err != nil {
		s.log.Error("error page failed", slog.Any("err", err))
		http.Error(c.w, pe.title, pe.status)
	}
}

// logPath is the path of a request as it stands in the log. That of a picture is a permission (capability.go), so its route
// stands for it.
func logPath(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/picture/") {
		return picturePattern
	}
	return truncate(r.URL.Path, maxName)
}

func seeOther(c *call, path string) error {
	http.Redirect(c.w, c.r, path, http.StatusSeeOther)
	return nil
}
