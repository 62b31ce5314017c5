package htmlcheck

import (
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	page, err := Parse(strings.NewReader(`<div id=a class="x y"><p class=x>one</p><ul><li class=y>two <b>bold</b></li></ul></div><p data-k=v>three</p>`))
	if err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string][]string{
		"p": {"one", "three"}, "p.x": {"one"}, ".x p": {"one"}, "#a li": {"two bold"}, "#a.x.y li.y b": {"bold"}, "div.z p": nil, "[data-k]": {"three"},
		"p[data-k=v]": {"three"}, "p[data-k=w]": nil, "li ul": nil, "p p": nil, "ul *": {"two bold", "bold"},
	} {
		var got []string
		for _, e := range page.Find(selector) {
			got = append(got, e.Text())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", selector, got, want)
		}
	}
}
