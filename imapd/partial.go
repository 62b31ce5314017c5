package imapd

// partial leaves of the messages in spans those at some places, if only they are
// asked for (RFC 9394 section 3.4). With CHANGEDSINCE the places are among the
// messages that have changed.
func (v *view) partial(spans []span, m fetchModifiers) ([]span, error) {
	if m.partial.IsZero() {
		return spans, nil
	}
	if m.changed {
		var changed []span
		_, err := v.pagesSince(spans, m, func(items []item) error {
			for _, it := range items {
				changed = append(changed, span{int(it.num) - 1, int(it.num)})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		spans = changed
	}
	total := 0
	for _, sp := range spans {
		total += sp.j - sp.i
	}
	from, to := m.partial.Of(total)
	return slice(spans, from, to), nil
}

// slice gives the spans of the messages from one place to another.
func slice(spans []span, from, to int) []span {
	var cut []span
	for _, sp := range spans {
		n := sp.j - sp.i
		i, j := min(max(from, 0), n), min(max(to, 0), n)
		if i < j {
			cut = append(cut, span{sp.i + i, sp.i + j})
		}
		from, to = from-n, to-n
	}
	return cut
}
