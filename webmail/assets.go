package webmail

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assets are the files of the pages. The address of each holds the hash of its contents, so browsers may keep it for
// ever.
type assets struct {
	url    map[string]string // by file name
	byName map[string]asset  // by the name in the address
}

type asset struct {
	kind           string
	plain, zipped  []byte
	etag, fileName string
}

func newAssets() *assets {
	a := &assets{url: make(map[string]string), byName: make(map[string]asset)}
	files, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		panic(err) // the embedded directory is there
	}
	for _, f := range files {
		data, err := assetFiles.ReadFile("assets/" + f.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		hash := hex.EncodeToString(sum[:8])
		ext := path.Ext(f.Name())
		name := strings.TrimSuffix(f.Name(), ext) + "." + hash + ext
		a.url[f.Name()] = "/assets/" + name
		a.byName[name] = asset{kind: assetTypes[ext], plain: data, zipped: zip(data), etag: `"` + hash + `"`, fileName: f.Name()}
	}
	return a
}

var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func zip(data []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid, and a buffer takes everything
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// showAsset gives a file of the pages.
func (s *Server) showAsset(c *call) error {
	a, ok := s.assets.byName[c.r.PathValue("name")]
	if !ok {
		return errNotFound
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", a.kind)
	h.Set("ETag", a.etag)
	h.Set("Vary", "Accept-Encoding")
	if c.r.Header.Get("If-None-Match") == a.etag {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body := a.plain
	if strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	c.w.Write(body)
	return nil
}

// favicon is where browsers look by themselves.
func (s *Server) favicon(c *call) error {
	http.Redirect(c.w, c.r, s.assets.url["icon.svg"], http.StatusMovedPermanently)
	return nil
}
