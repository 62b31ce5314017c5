package main

import (
	"fmt"
	"path/filepath"
	"slices"
)

// row is one line of the table.
type row struct {
	title string
	scale string // of the mailbox
	unit  string
	// messages is how many the mailbox has, 0 where that is not known beforehand.
	// In rows of many mailboxes it is the number of those.
	messages   int
	atMost     int // rounds, where one takes minutes; 0 is any number
	mail       mail
	uses       bool                   // the mail is another afterwards
	before     func(dir string) error // runs first, in the parent's process
	ours, bare func(b *bench) error
	// heapOf names what the row has many of, if what stays on the heap is worth
	// telling for each of them.
	heapOf string
}

func (r row) name() string { return r.title + ", " + r.scale }

// count writes a number as people do.
func count(n int) string {
	switch {
	case n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

func rows(opt options) []row {
	var list []row
	for _, n := range opt.sizes {
		list = append(list, maildirRows(n)...)
	}
	list = append(list, mboxRows(opt.mbox)...)
	return append(list, treeRows(opt.mailboxes)...)
}

func maildirRows(n int) []row {
	m := mail{fmt.Sprintf("maildir-%d", n), func(dir string) error { return makeMaildir(mailDir(dir), n) }}
	list := []row{
		{title: "open cold", unit: "mailbox", before: forget, ours: openMaildir, bare: bareOpenCold, heapOf: "message"},
		{title: "open warm", unit: "mailbox", before: openOnce, ours: openMaildir, bare: bareOpenWarm, heapOf: "message"},
		{title: "open after one delivery", unit: "mailbox", before: deliverBefore, ours: openMaildir, bare: bareOpenDelivered},
		{title: "refresh after one delivery", unit: "delivery", ours: refreshDelivery, bare: bareRefresh},
		{title: "flag of 1 message", unit: "change", uses: true, ours: storeOne, bare: bareStoreOne},
		{title: "flag of 10k messages at once", unit: "message", uses: true, ours: storeMany, bare: bareStoreMany},
		{title: "append, 1 writer", unit: "message", ours: appendOne, bare: bareAppendOne},
		{title: "append, 16 writers", unit: "message", ours: append16, bare: bareAppend16},
		{title: "copy of 10k messages", unit: "message", uses: true, ours: copyMany, bare: bareCopyMany},
		{title: "expunge of 10k messages", unit: "message", uses: true, ours: expungeMany, bare: bareExpungeMany},
	}
	for i := range list {
		list[i].messages, list[i].mail, list[i].scale = n, m, "Maildir of "+count(n)
		if n > 500_000 {
			list[i].atMost = 3
		}
	}
	if n > 500_000 { // what uses up a mailbox costs the same in one of 100,000, and making this one takes minutes
		list = slices.DeleteFunc(list, func(r row) bool { return r.uses })
	}
	return list
}

func mboxRows(mb int) []row {
	m := mail{fmt.Sprintf("mbox-%d", mb), func(dir string) error { return makeMbox(mailDir(dir), int64(mb)<<20) }}
	list := []row{
		{title: "open cold", unit: "mailbox", before: forgetMbox, ours: openMbox, bare: bareMboxCold, heapOf: "message"},
		{title: "open warm", unit: "mailbox", before: openMboxOnce, ours: openMbox, bare: bareMboxWarm, heapOf: "message"},
		{title: "open after one delivery", unit: "mailbox", before: deliverMbox, uses: true, ours: openMbox, bare: bareMboxDelivered},
		{title: "flag of 1 message", unit: "change", uses: true, ours: mboxStoreOne, bare: bareMboxStoreOne},
		{title: "flag of 10k messages at once", unit: "message", uses: true, ours: mboxStoreMany, bare: bareMboxStoreMany},
		{title: "append, 1 writer", unit: "message", uses: true, ours: mboxAppendOne, bare: bareMboxAppendOne},
		{title: "append, 16 writers", unit: "message", uses: true, ours: mboxAppend16, bare: bareMboxAppend16},
		{title: "expunge of half", unit: "mailbox", uses: true, ours: mboxExpungeHalf, bare: bareMboxExpungeHalf},
	}
	for i := range list {
		list[i].mail, list[i].scale = m, fmt.Sprintf("mbox of %d MB", mb)
	}
	return list
}

// A measurement's directory holds the mail and our index of it.
func mailDir(dir string) string  { return filepath.Join(dir, "mail") }
func indexDir(dir string) string { return filepath.Join(dir, "index") }
