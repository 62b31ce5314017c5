package imapd

import (
	"restante/imap"
	"restante/order"
)

// cmdSort is SORT and UID SORT (RFC 5256 section 3, RFC 5267 section 3).
func (s *session) cmdSort(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Sort)
	criteria := make([]order.Criterion, len(args.Criteria))
	for i, c := range args.Criteria {
		criteria[i] = order.Criterion{Key: sortKeys[c.Key], Reverse: c.Reverse}
	}
	a := answer{view: s.view, tag: cmd.Tag, byUID: cmd.UID(), ret: returns(args.Return), extended: args.Return != nil, sorted: true, criteria: criteria}
	return reply{}, s.answerSearch(&a, args.Charset, args.Key, order.NewSorter(criteria))
}

var sortKeys = map[imap.SortKey]order.Key{
	imap.SortArrival:     order.Arrival,
	imap.SortCc:          order.Cc,
	imap.SortDate:        order.Date,
	imap.SortFrom:        order.From,
	imap.SortSize:        order.Size,
	imap.SortSubject:     order.Subject,
	imap.SortTo:          order.To,
	imap.SortDisplayFrom: order.DisplayFrom,
	imap.SortDisplayTo:   order.DisplayTo,
}
