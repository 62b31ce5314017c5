package webmail

import (
	"context"
	"errors"
	"net/http"

	"restante/mailstore"
)

// A pageError is an error that the user can be told, with what to do next.
type pageError struct {
	status         int
	title, text    string
	link, linkText string
}

func (e *pageError) Error() string { return e.title }

const (
	toInbox     = "/m/INBOX"
	toInboxText = "Go to the inbox"
)

var (
	errNotFound = &pageError{http.StatusNotFound, "There is no such page", "The address may be mistyped, or it is from an older version of this program.", toInbox, toInboxText}
	errInternal = &pageError{http.StatusInternalServerError, "That did not work", "The server could not do this. Its log says why; trying again may help, and nothing has been lost.", toInbox, toInboxText}
	errStale    = &pageError{http.StatusGone, "This link is out of date", "The mailbox was rebuilt since the link was made, so its messages have new numbers. The message may still be there: look for it in the mailbox.", toInbox, toInboxText}
	errNoPart   = &pageError{http.StatusNotFound, "The message has no such part", "The message may have been opened in another form. Open it again from the list.", toInbox, toInboxText}
	errForm     = &pageError{http.StatusBadRequest, "The form could not be read", "Something was missing in it or it was too long. Go back, reload the page and try again.", toInbox, toInboxText}

	errForeignForm = &pageError{http.StatusForbidden, "That came from another site", "Another web page tried to send a form here in your name. It was not carried out. If you pressed a button here yourself, reload the page and press it again.", toInbox, toInboxText}
)

// storeErrors turns the kinds of failure that mailstore tells apart into pages.
var storeErrors = []struct {
	kind error
	page *pageError
}{
	{mailstore.ErrNotFound, &pageError{http.StatusNotFound, "There is no such mailbox", "It may have been renamed or deleted by another program. The list of mailboxes shows what is there now.", toInbox, toInboxText}},
	{mailstore.ErrExpunged, &pageError{http.StatusGone, "This message is gone", "It was deleted or moved meanwhile, here or by another program. Look in the other mailboxes or in the trash.", toInbox, toInboxText}},
	{mailstore.ErrGone, &pageError{http.StatusGone, "This mailbox has changed", "It was deleted or rebuilt by another program. Open it again from the list of mailboxes.", toInbox, toInboxText}},
	{mailstore.ErrNoSelect, &pageError{http.StatusNotFound, "This is not a mailbox", "The name only holds other mailboxes; open one of those.", toInbox, toInboxText}},
	{mailstore.ErrReadOnly, &pageError{http.StatusForbidden, "This mailbox is read-only", "The server may not change its files, so nothing was changed. The administrator can give the server write permission.", toInbox, toInboxText}},
	{mailstore.ErrNotPermitted, &pageError{http.StatusForbidden, "This is not permitted", "The mailbox does not allow it. Nothing was changed.", toInbox, toInboxText}},
	{mailstore.ErrOverQuota, &pageError{http.StatusInsufficientStorage, "There is no space left", "Nothing was changed. Delete messages for good, from the trash for instance, or ask the administrator for more space.", toInbox, toInboxText}},
	{mailstore.ErrInUse, &pageError{http.StatusConflict, "The mailbox is busy", "Another program works on it at the moment. Nothing was changed; try again in a minute.", toInbox, toInboxText}},
	{mailstore.ErrDamaged, &pageError{http.StatusInternalServerError, "The mailbox is damaged", "Its files contradict each other, and repairing them could lose mail. The server's log tells the administrator where.", toInbox, toInboxText}},
}

// describe gives the page for an error.
func describe(err error) *pageError {
	var pe *pageError
	if errors.As(err, &pe) {
		return pe
	}
	for _, e := range storeErrors {
		if errors.Is(err, e.kind) {
			return e.page
		}
	}
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return errForm
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &pageError{http.StatusServiceUnavailable, "That took too long", "The server is busy. Try again in a moment.", toInbox, toInboxText}
	}
	return errInternal
}

func (s *Server) notFound(*call) error { return errNotFound }
