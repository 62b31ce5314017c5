// Command screenshot signs in to a running webmail and takes pictures of its pages: wide and as on a phone, light and
// dark. scripts/webmail-screenshot runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"restante/webmail/internal/webdriver"
)

type settings struct {
	url, user, password, dir string
	paths                    []string
}

func main() {
	var s settings
	flag.StringVar(&s.url, "url", "https://127.0.0.1:8443", "address of the webmail")
	flag.StringVar(&s.user, "user", "", "name to sign in with")
	flag.StringVar(&s.dir, "out", ".", "directory for the pictures")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: screenshot -user NAME [-url URL] [-out DIR] [PATH...]\nThe password is read from $RESTANTE_PASSWORD. A PATH is a page, as /m/INBOX; \"first\" is the newest message.")
		flag.PrintDefaults()
	}
	flag.Parse()
	s.password, s.paths = os.Getenv("RESTANTE_PASSWORD"), flag.Args()
	if len(s.paths) == 0 {
		s.paths = []string{"/m/INBOX", "first"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "screenshot:", err)
		os.Exit(1)
	}
}

// run takes all pictures in one browser.
func (s *settings) run(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	b, err := webdriver.Start(ctx, webdriver.Options{Args: []string{"--force-device-scale-factor=2"}})
	if err != nil {
		return err
	}
	defer b.Close()
	if err := s.takeAll(ctx, b, "sign-in", s.url+"/login"); err != nil {
		return err
	}
	if err := b.Open(ctx, s.url+"/login"); err != nil {
		return err
	}
	if err := b.Type(ctx, "#name", s.user); err != nil {
		return err
	}
	if err := b.Type(ctx, "#password", s.password); err != nil {
		return err
	}
	if err := b.Click(ctx, "button.primary"); err != nil {
		return err
	}
	for i, path := range s.paths {
		if path == "first" {
			if err := b.Open(ctx, s.url+"/m/INBOX"); err != nil {
				return err
			}
			if err := b.Eval(ctx, "return document.querySelector('.row-link').getAttribute('href')", &path); err != nil {
				return err
			}
		}
		name := fmt.Sprintf("%d-%s", i+1, strings.Trim(strings.Map(fileRune, path), "-"))
		if err := s.takeAll(ctx, b, name, s.url+path); err != nil {
			return err
		}
	}
	return nil
}

func fileRune(r rune) rune {
	if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
		return r
	}
	return '-'
}

// takeAll takes the four pictures of a page.
func (s *settings) takeAll(ctx context.Context, b *webdriver.Browser, name, url string) error {
	for _, v := range []struct {
		suffix        string
		width, height int
		dark, phone   bool
	}{{"wide-light", 1280, 800, false, false}, {"wide-dark", 1280, 800, true, false}, {"phone-light", 390, 844, false, true}, {"phone-dark", 390, 844, true, true}} {
		if err := b.View(ctx, v.width, v.height, v.dark, v.phone); err != nil {
			return err
		}
		if err := b.Open(ctx, url); err != nil {
			return err
		}
		png, err := b.Screenshot(ctx)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.dir, name+"-"+v.suffix+".png"), png, 0o644); err != nil {
			return err
		}
	}
	return nil
}
