// Package sanitize turns the HTML of a message, written by anybody, into HTML that can only be looked at.
//
// What it promises for every input, however broken or hostile:
//
//   - no script in any form, and none after a browser has parsed the result a second time;
//   - nothing that frames, embeds, submits, redirects or changes how the rest of the page is read;
//   - no load from the network, unless Options.RemoteImages allows pictures over http and https;
//   - nothing leaves the element it stands in: no positioning, no style rule that reaches other elements,
//     no id or name that could shadow anything;
//   - links go to http, https, mailto and tel only, and open in a window that knows nothing of the page.
//
// Honest mail keeps its text, tables, colours, sizes, styles, direction, quotations and the pictures that it
// brought along. The result is a fragment:
//
//	<div class="mail"><style>…</style><div class="mail-body">…</div></div>
//
// where the outer element takes the place of the message's html element and the inner one that of its body. Every
// class and id of the message carries the prefix "m-", every style rule begins with ".mail", so the fragment and
// the page round it cannot meet. The package still expects to be shown in a sandboxed frame under a content
// security policy: either of the two walls stands without the other.
//
// The way it works is an allow-list at each step: Parse builds the tree that a browser would build, the walker
// writes only elements, attributes and values that stand in the tables of policy.go, and style sheets are taken
// apart to tokens (CSS Syntax Level 3) and written again from those tokens, never copied.
package sanitize
