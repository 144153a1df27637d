package app

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/linli/linli/internal/api"
	"github.com/linli/linli/internal/fault"
)

// webFlags are the flags of every command that serves.
type webFlags struct {
	Listen      string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"监听地址，默认 127.0.0.1:8080；端口 0 表示任选 / Address to listen on, by default 127.0.0.1:8080; port 0 takes any."`
	PublicURL   string `name:"public-url" placeholder:"URL" help:"人们访问本系统的网址，如 https://linli.example.org / Where people reach it."`
	TLSCert     string `name:"tls-cert" placeholder:"FILE" help:"TLS 证书（PEM）；换了文件会自动使用新的 / TLS certificate (PEM); a new one is taken up by itself."`
	TLSKey      string `name:"tls-key" placeholder:"FILE" help:"证书的私钥（PEM）/ Private key of the certificate (PEM)."`
	BehindProxy bool   `help:"前面有负责加密的反向代理：可监听其他地址，客户端地址取自 X-Forwarded-For / A proxy in front does TLS: any address may be listened on, and clients are known by X-Forwarded-For."`

	Metrics      string `placeholder:"HOST:PORT" help:"在此地址提供 Prometheus 指标（/metrics），默认不提供 / Serve Prometheus metrics here under /metrics; by default nowhere."`
	OTelEndpoint string `name:"otel-endpoint" env:"LINLI_OTEL_ENDPOINT,OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"把 OpenTelemetry 追踪发往此处，如 http://127.0.0.1:4318 / Send OpenTelemetry traces here."`

	Rate      float64       `default:"50" help:"每个凭证（无凭证时每个地址）每秒的请求数，--rate=-1 表示不限 / Requests a second of one token, or of one address without one; --rate=-1: no limit."`
	Burst     int           `default:"200" help:"可一次到达的请求数 / How many requests may come at once."`
	MaxBody   int64         `default:"1048576" placeholder:"BYTES" help:"请求正文的上限 / Largest body of a request."`
	MaxFile   int64         `default:"8388608" placeholder:"BYTES" help:"数据文件和流程定义的上限 / Largest data file or set of definitions."`
	TimeLimit time.Duration `default:"30s" help:"一个请求最多用多久（更新流除外）/ Longest time for one request, streams apart."`
	BodyTime  time.Duration `default:"15s" help:"请求正文最多传多久 / Longest time for a body to arrive."`
	Waiting   int           `default:"4000" help:"同时处理的请求数 / Requests that may be worked on at once."`
	Drain     time.Duration `default:"0s" help:"停止前先让 /readyz 报告 503 多久 / How long /readyz says 503 before it stops."`

	Committers int `placeholder:"N" help:"同时提交的数目，默认 PostgreSQL 2、SQLite 1 / Commits that may run at once; by default 2 on PostgreSQL, 1 on SQLite."`
}

func (f *webFlags) limits() api.Limits {
	return api.Limits{
		Body: f.MaxBody, File: f.MaxFile, BodyTime: f.BodyTime, Time: f.TimeLimit, Rate: f.Rate, Burst: f.Burst, Waiting: f.Waiting,
	}
}

// check refuses what cannot be served as it is asked for.
func (f *webFlags) check() error {
	switch {
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return fault.NewInvalid("tls", "tls_incomplete", "--tls-cert 和 --tls-key 必须同时给出", "give both --tls-cert and --tls-key")
	case f.PublicURL != "" && !strings.HasPrefix(f.PublicURL, "http://") && !strings.HasPrefix(f.PublicURL, "https://"):
		return fault.NewInvalid("public-url", "invalid_url", "--public-url 应以 http:// 或 https:// 开头", "--public-url begins with http:// or https://")
	case f.Committers < 0 || f.Committers > maxCommitters:
		return fault.NewInvalid("committers", "invalid_committers", fmt.Sprintf("--committers 应在 1 到 %d 之间", maxCommitters),
			fmt.Sprintf("--committers is between 1 and %d", maxCommitters))
	case f.TimeLimit <= 0 || f.BodyTime <= 0 || f.MaxBody <= 0 || f.MaxFile <= 0 || f.Burst <= 0 || f.Waiting <= 0 || f.Rate == 0:
		return fault.NewInvalid("limits", "invalid_limit", "各项上限应大于 0", "every limit is greater than 0")
	}
	if f.TLSCert == "" && !f.BehindProxy {
		return onlyHere(f.Listen)
	}
	return nil
}

const maxCommitters = 16

// onlyHere refuses an address that other machines reach: tokens and what they open would cross the network in the clear.
func onlyHere(address string) error {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return badAddress(address, err)
	}
	if a.IP != nil && a.IP.IsLoopback() {
		return nil
	}
	return fault.NewInvalid("listen", "needs_tls",
		"监听 "+address+" 时其他机器也能连上，凭证和数据会明文经过网络。请给出 --tls-cert 和 --tls-key；如果前面已有负责加密的反向代理，请加 --behind-proxy。",
		"other machines reach "+address+", and tokens and data would cross the network in the clear. Give --tls-cert and --tls-key, or --behind-proxy if a proxy in front does TLS.")
}

func badAddress(address string, err error) error {
	return fault.Wrap(err, fault.Invalid, "cannot_listen", "不能监听 "+address+"："+err.Error()+"。请用 --listen 换一个地址或端口（端口 0 表示任选）。",
		"cannot listen on "+address+": "+err.Error()+". Choose another address or port with --listen; port 0 takes any.")
}

// certificate keeps the TLS certificate, and reads it again when its file or that of its key has changed.
type certificate struct {
	cert, key string

	mu   sync.Mutex
	last loadedCertificate
}

type loadedCertificate struct {
	pair                *tls.Certificate
	changed, keyChanged time.Time
}

// newCertificate reads a certificate.
func newCertificate(cert, key string) (*certificate, error) {
	c := &certificate{cert: cert, key: key}
	var err error
	if c.last, err = c.read(loadedCertificate{}); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "bad_certificate", "不能使用 TLS 证书："+err.Error(), "the TLS certificate cannot be used: "+err.Error())
	}
	return c, nil
}

// read returns what the files hold, if that is newer than what was read before.
func (c *certificate) read(before loadedCertificate) (loadedCertificate, error) {
	cert, err := os.Stat(c.cert)
	if err != nil {
		return before, fmt.Errorf("look at the certificate: %w", err)
	}
	key, err := os.Stat(c.key)
	if err != nil {
		return before, fmt.Errorf("look at the certificate's key: %w", err)
	}
	if before.pair != nil && cert.ModTime().Equal(before.changed) && key.ModTime().Equal(before.keyChanged) {
		return before, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return before, fmt.Errorf("read the certificate: %w", err)
	}
	return loadedCertificate{&pair, cert.ModTime(), key.ModTime()}, nil
}

// get is the certificate of a connection. While a new one cannot be read, e.g. because only one of the files is there yet, the one
// before is used.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, _ = c.read(c.last) // the certificate before stays
	return c.last.pair, nil
}
