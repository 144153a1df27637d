package api

import (
	"net/http"
	"testing"
)

// A client that writes its own X-Forwarded-For gets a line of its own in front of the proxy's.
func TestTheProxysLineNamesTheClient(t *testing.T) {
	for _, path := range []string{"/api/v1/me", "/nothing", "/api/v1/public/communities/a/programmes/b/report"} {
		t.Run(path, func(t *testing.T) {
			b := openBare(t, func(c *Config) { c.BehindProxy, c.Limits.Rate, c.Limits.Burst = true, 0.001, 2 })
			ask := func(claimed, real string) int {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header["X-Forwarded-For"] = []string{claimed, "198.51.100.1, " + real}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if err := res.Body.Close(); err != nil {
					t.Fatal(err)
				}
				return res.StatusCode
			}
			for n, claimed := range []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"} {
				if got := ask(claimed, "192.0.2.7"); (got == http.StatusTooManyRequests) != (n == 2) {
					t.Errorf("request %d of one address that claims another each time: %d", n+1, got)
				}
			}
			if got := ask("203.0.113.1", "192.0.2.8"); got == http.StatusTooManyRequests {
				t.Error("another address suffers for what the first one did")
			}
		})
	}
}
