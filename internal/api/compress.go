package api

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

const (
	compressFrom = 1024 // bytes; smaller answers fit into one packet anyway
	// An answer may hold a secret beside something that the client chose. That the length says less about it, up to so many bytes of
	// padding are added.
	compressJitter = 32
)

// compressed compresses answers for clients that say they can read them, by gzip or zstd. Streams stay as they are, so that every
// message arrives when it is sent.
func (s *server) compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(compressFrom), gzhttp.RandomJitter(compressJitter, 0, false), gzhttp.CompressionLevel(4),
		gzhttp.ContentTypes([]string{
			"application/json", "application/problem+json", "application/yaml", "text/markdown", "text/html", "text/plain", "text/csv",
		}))
	if err != nil {
		s.Log.Error("answers are not compressed", "err", err)
		return next
	}
	zipped := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header["Accept-Encoding"] == nil {
			next.ServeHTTP(w, r)
			return
		}
		zipped.ServeHTTP(w, r)
	})
}
