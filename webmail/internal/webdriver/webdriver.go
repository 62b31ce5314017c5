// Package webdriver drives a browser through chromedriver: the few commands of W3C WebDriver that the webmail's tests and
// pictures need, over plain HTTP on the loopback interface.
package webdriver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"time"
)

// ErrAbsent says that there is no browser here, or no driver for it.
var ErrAbsent = errors.New("chromium and chromedriver are not installed")

// A Browser is one headless Chromium with a profile of its own. Close it.
type Browser struct {
	driver  *exec.Cmd
	base    string
	session string
}

// Options are the choices at the start of a browser.
type Options struct {
	// Args are further switches of Chromium.
	Args []string
	// NetLog, when set, names the file in which Chromium writes each request that it makes or tries to make.
	NetLog string
}

// Start starts driver and browser. Certificates are not checked: the servers under test sign their own.
func Start(ctx context.Context, opt Options) (*Browser, error) {
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		return nil, ErrAbsent
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return nil, ErrAbsent
	}
	b := &Browser{driver: exec.Command(driver, "--port=0")}
	if err := b.startDriver(ctx); err != nil {
		return nil, err
	}
	args := []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync", "--no-pings"}
	args = append(args, opt.Args...)
	if opt.NetLog != "" {
		args = append(args, "--log-net-log="+opt.NetLog)
	}
	if err := b.begin(ctx, chromium, args); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// driverListens is what the driver prints once it takes connections.
var driverListens = regexp.MustCompile(`started successfully on port ([0-9]+)`)

// startDriver starts the driver on a port of its choice, which it prints.
func (b *Browser) startDriver(ctx context.Context) error {
	out, err := b.driver.StdoutPipe()
	if err != nil {
		return err
	}
	if err := b.driver.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { b.driver.Process.Kill() })()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := driverListens.FindStringSubmatch(lines.Text()); m != nil {
			b.base = "http://127.0.0.1:" + m[1]
			go io.Copy(io.Discard, out) // so that it never waits for us
			return nil
		}
	}
	b.driver.Process.Kill()
	return errors.Join(errors.New("chromedriver does not tell its port"), ctx.Err(), lines.Err(), b.driver.Wait())
}

// begin opens the session.
func (b *Browser) begin(ctx context.Context, chromium string, args []string) error {
	caps := map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome", "acceptInsecureCerts": true,
		"goog:chromeOptions": map[string]any{"binary": chromium, "args": args},
	}}}
	var out struct {
		SessionID string `json:"sessionId"`
	}
	if err := b.call(ctx, http.MethodPost, "/session", caps, &out); err != nil {
		return err
	}
	b.session = "/session/" + out.SessionID
	return nil
}

// Close ends browser and driver.
func (b *Browser) Close() error {
	if b.session != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		b.call(ctx, http.MethodDelete, b.session, nil, nil)
	}
	b.driver.Process.Kill()
	b.driver.Wait()
	return nil
}

// call sends one command and reads the value of its answer into out.
func (b *Browser) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if method == http.MethodPost {
		if in == nil {
			in = struct{}{}
		}
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, b.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("webdriver %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		var e struct{ Error, Message string }
		json.Unmarshal(answer.Value, &e)
		return fmt.Errorf("webdriver %s: %s: %s", path, e.Error, e.Message)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, out)
}

// Open goes to an address and waits until its page is there.
func (b *Browser) Open(ctx context.Context, url string) error {
	return b.call(ctx, http.MethodPost, b.session+"/url", map[string]string{"url": url}, nil)
}

// URL is the address of the page.
func (b *Browser) URL(ctx context.Context) (url string, err error) {
	err = b.call(ctx, http.MethodGet, b.session+"/url", nil, &url)
	return url, err
}

// Eval runs the body of a JavaScript function in the page and reads what it returns into out, unless that is nil.
func (b *Browser) Eval(ctx context.Context, script string, out any) error {
	return b.call(ctx, http.MethodPost, b.session+"/execute/sync", map[string]any{"script": script, "args": []any{}}, out)
}

// Type types text into the element that a CSS selector finds.
func (b *Browser) Type(ctx context.Context, selector, text string) error {
	id, err := b.find(ctx, selector)
	if err != nil {
		return err
	}
	return b.call(ctx, http.MethodPost, b.session+"/element/"+id+"/value", map[string]string{"text": text}, nil)
}

// Click clicks the element that a CSS selector finds.
func (b *Browser) Click(ctx context.Context, selector string) error {
	id, err := b.find(ctx, selector)
	if err != nil {
		return err
	}
	return b.call(ctx, http.MethodPost, b.session+"/element/"+id+"/click", nil, nil)
}

// Frame makes the first frame of the page the place of the following commands; Top goes back.
func (b *Browser) Frame(ctx context.Context) error {
	return b.call(ctx, http.MethodPost, b.session+"/frame", map[string]any{"id": 0}, nil)
}

// Top goes back to the page from a frame.
func (b *Browser) Top(ctx context.Context) error {
	return b.call(ctx, http.MethodPost, b.session+"/frame", map[string]any{"id": nil}, nil)
}

func (b *Browser) find(ctx context.Context, selector string) (string, error) {
	var el map[string]string
	if err := b.call(ctx, http.MethodPost, b.session+"/element", map[string]string{"using": "css selector", "value": selector}, &el); err != nil {
		return "", err
	}
	for _, id := range el {
		return id, nil
	}
	return "", fmt.Errorf("webdriver: nothing for %s", selector)
}

// Devtools sends a command of the Chrome DevTools Protocol.
func (b *Browser) Devtools(ctx context.Context, command string, params map[string]any) error {
	return b.call(ctx, http.MethodPost, b.session+"/goog/cdp/execute", map[string]any{"cmd": command, "params": params}, nil)
}

// View sets the size of the page in CSS pixels and the colour scheme that it is asked for; phone makes it a touch screen.
func (b *Browser) View(ctx context.Context, width, height int, dark, phone bool) error {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	size := map[string]any{"width": width, "height": height, "deviceScaleFactor": 0, "mobile": phone}
	if err := b.Devtools(ctx, "Emulation.setDeviceMetricsOverride", size); err != nil {
		return err
	}
	// A fragment within the same page would not load it anew: leave it first.
	if err := b.Open(ctx, "about:blank"); err != nil {
		return err
	}
	return b.Devtools(ctx, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
}

// Screenshot gives what is to be seen, as PNG.
func (b *Browser) Screenshot(ctx context.Context) ([]byte, error) {
	var data string
	if err := b.call(ctx, http.MethodGet, b.session+"/screenshot", nil, &data); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(data)
}
